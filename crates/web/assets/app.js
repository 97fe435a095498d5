// Refreshes counts and shows charts' tool tips. Every page works without this file.
"use strict";

// <… data-live="/path" data-every="10"> refreshes every [data-count=NAME] from {"values": {NAME: TEXT}}.
for (const root of document.querySelectorAll("[data-live]")) {
  const every = Math.max(2, Number(root.dataset.every) || 10) * 1000;
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(root.dataset.live, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) return;
      const { values } = await answer.json();
      for (const shown of root.querySelectorAll("[data-count]")) {
        const text = values[shown.dataset.count];
        if (text !== undefined && shown.textContent !== text) shown.textContent = text;
      }
    } catch { /* The next round tries again. */ }
  };
  setInterval(refresh, every);
  document.addEventListener("visibilitychange", refresh);
}

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
document.addEventListener("pointerover", (event) => {
  const at = event.target.closest?.("[data-tip]");
  tip.hidden = !at;
  if (!at) return;
  // The built-in tool tip would show the same text a second time.
  at.querySelector("title")?.remove();
  tip.textContent = at.dataset.tip;
  const box = at.getBoundingClientRect();
  const width = tip.offsetWidth;
  tip.style.left = `${Math.min(Math.max(4, box.left + box.width / 2 - width / 2), innerWidth - width - 4) + scrollX}px`;
  tip.style.top = `${box.top + scrollY - tip.offsetHeight - 6}px`;
});
