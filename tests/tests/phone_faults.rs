//! Story: what phones need breaks, piece by piece: the store for an hour, the mail server, the policies, the disk, the gateway itself while
//! it is told something. Mail goes on by what was known last, what was seen arrives later, and nothing is counted twice.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use testkit::net::{isolated, isolated_with_mounts};
use testkit::nginx::Nginx;
use testkit::postgres::Postgres;
use testkit::tools::run;
use testkit::{Gateway, Room, wait};

const MAIL: &str = "server { listen 127.0.0.1:8080; location / { return 200; } }\n";
const SITE: &str = "[[mobile.gateway]]\nid = 'one'\nmail_server = 'http://127.0.0.1:8080'\n\
    [[mobile.policy]]\ntype = 'user'\nenabled = true\naction = 'block'\nlist = ['bob']\n\
    [[device]]\nid = 'bad'\nuser = 'carol'\noverride = 'blacklist'\n";
const PATIENCE: Duration = Duration::from_secs(60);

fn node(database: &Postgres) -> String {
    format!("[smtp]\nlisten = []\n[mobile]\nrequests = 0\n[store]\nurl = {:?}\npoll = \"200ms\"\n", database.url("site"))
}

/// The status that a phone hears at this gate; 403: blocked.
fn phone_at(gate: &str, user: &str, device: &str) -> String {
    let url = format!("https://{gate}/Microsoft-Server-ActiveSync?Cmd=FolderSync&User={user}&DeviceType=T&DeviceId={device}");
    let login = format!("{user}:pw");
    run("curl", &["-sk", "-m", "20", "-u", &login, "-o", "/dev/null", "-w", "%{http_code}", "-d", "", &url], b"").text()
}

fn phone(user: &str, device: &str) -> String {
    phone_at("127.0.0.1:9443", user, device)
}

/// What the store knows: devices, devices by their counts, and the most decisions that are noted of one.
fn known(database: &Postgres) -> [String; 3] {
    [
        "SELECT count(*) FROM device WHERE last_seen > 0",
        "SELECT coalesce(sum(amount), 0) FROM device_class WHERE class LIKE '%/1/%' OR class LIKE '%/0/%'",
        "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM device_decision GROUP BY user_key, id) AS each",
    ]
    .map(|sql| database.sql("site", sql))
}

/// Until so many devices were seen, each counted once and with one decision.
fn seen(database: &Postgres, devices: usize) {
    wait::until(PATIENCE, &format!("{devices} devices in the store"), || {
        (database.sql("site", "SELECT count(*) FROM device WHERE last_seen > 0") == devices.to_string()).then_some(())
    });
    let by_class = database.sql(
        "site",
        "SELECT count(*) FROM (SELECT class, count(*) AS n FROM device GROUP BY class) AS real \
         FULL JOIN (SELECT class, amount FROM device_class WHERE class <> '-' AND amount <> 0) AS told USING (class) \
         WHERE n IS DISTINCT FROM amount",
    );
    assert_eq!(by_class, "0", "every class has as many devices as are counted");
    assert_eq!(known(database)[2], "1", "no decision stands twice");
}

/// Until a file of the node was written after this moment.
fn written(room: &Room, name: &str, after: SystemTime) {
    wait::until(PATIENCE, &format!("{name} to be written"), || {
        let file = std::fs::metadata(room.path().join("data").join(name)).ok()?;
        file.modified().is_ok_and(|at| at > after).then_some(())
    });
}

/// libfaketime with the wall clock of this file.
fn faked(file: &str) -> Vec<String> {
    let library = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    let library = library.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    let preload = format!("LD_PRELOAD={}", library.expect("the package faketime is installed").display());
    let stamp = format!("FAKETIME_TIMESTAMP_FILE={file}");
    ["env", &preload, &stamp, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn g_14_g_30_an_hour_without_the_store_and_a_kill_in_it_stop_no_phone_and_double_nothing() {
    isolated(|| {
        let mut database = Postgres::start("faults");
        let _ = database.create_database("site");
        let room = Arc::new(Room::new("hour"));
        let clock = room.write("clock", "+0\n");
        let wrapper = faked(&clock);
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let _mail = Nginx::start(&room, MAIL, &["127.0.0.1:8080"]);
        let gateway = Gateway::start_in(room.clone(), &node(&database), &wrapper);
        gateway.apply(SITE);
        assert_eq!([phone("carol", "d1"), phone("bob", "d2"), phone("carol", "bad")], ["200", "403", "403"]);
        seen(&database, 3);
        // One more change, so that what is on the disk after it holds all before.
        let now = SystemTime::now();
        gateway.run(&["device", "edit", "carol", "worse", "--override", "blacklist"]);
        written(&room, "site.sealed", now);

        database.stop();
        // The file is replaced as a whole, so that nobody reads half of it.
        std::fs::rename(room.write("clock.new", "+3600\n"), &clock).unwrap();
        let now = SystemTime::now();
        assert_eq!([phone("carol", "d1"), phone("bob", "d2"), phone("carol", "bad"), phone("carol", "d3")], ["200", "403", "403", "200"]);
        written(&room, "sightings.sealed", now);
        let room = gateway.kill();
        let gateway = Gateway::start_in(room, &node(&database), &wrapper);
        let again = [phone("carol", "d1"), phone("bob", "d2"), phone("carol", "worse"), phone("carol", "d4")];
        assert_eq!(again, ["200", "403", "403", "200"], "by what was known last");

        database.start_again();
        // d1, d2, bad, d3 from before the kill, worse and d4 from after it.
        seen(&database, 6);
        let later = "SELECT count(*) FROM device WHERE id = 'd1' AND last_seen - first_seen >= 3600000000";
        wait::until(PATIENCE, "the hour to be told", || (database.sql("site", later) == "1").then_some(()));
        gateway.run(&["device", "edit", "carol", "d4", "--override", "blacklist"]);
        wait::until(PATIENCE, "a new word to count", || (phone("carol", "d4") == "403").then_some(()));
    });
}

#[test]
fn g_8_g_14_a_mail_server_that_is_away_and_policies_that_can_not_be_read_have_their_answers() {
    isolated(|| {
        let database = Postgres::start("policies");
        let _ = database.create_database("site");
        let room = Arc::new(Room::new("policies"));
        let gateway = Gateway::start_in(room.clone(), &node(&database), &[]);
        let mail = Nginx::start(&room, MAIL, &["127.0.0.1:8080"]);
        gateway.apply("[[mobile.gateway]]\nid = 'one'\nmail_server = 'http://127.0.0.1:8080'\n");
        assert_eq!([phone("carol", "d1"), phone("bob", "d2")], ["200", "200"], "there are no policies: all are off");
        drop(mail);
        assert_eq!([phone("carol", "d1"), phone("carol", "d3")], ["503", "503"]);
        let _ = gateway.event("mobile.failed", |e| e["code"] == "mail-server-unreachable");
        let _mail = Nginx::start(&room, MAIL, &["127.0.0.1:8080"]);
        assert_eq!(phone("carol", "d1"), "200");
        seen(&database, 3);

        gateway.apply(SITE);
        assert_eq!([phone("carol", "d1"), phone("bob", "d4")], ["200", "403"]);
        let body = database.sql("site", "SELECT body FROM site_row WHERE section = 'policy'");
        database.sql("site", "UPDATE site_row SET body = '{' WHERE section = 'policy'");
        let restarted = |gateway: Gateway| Gateway::start_in(gateway.stop(), &node(&database), &[]);
        let gateway = restarted(gateway);
        assert_eq!([phone("carol", "d1"), phone("bob", "d4"), phone("carol", "bad")], ["403", "403", "403"], "closed");
        let ready = run("curl", &["-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://127.0.0.1:9443/health/ready"], b"").text();
        assert_eq!(ready, "503", "a balancer sends nobody here");
        let _ = gateway.event("device.blocked", |e| e["reason"] == "no_policy" && e["device"] == "d1");
        let open = "UPDATE site_row SET body = replace(body, '\"allow_without_policies\":false', '\"allow_without_policies\":true') WHERE section = 'gateway'";
        database.sql("site", open);
        let gateway = restarted(gateway);
        assert_eq!(
            [phone("carol", "d1"), phone("bob", "d4"), phone("carol", "bad")],
            ["200", "200", "403"],
            "open by setting, but for lists"
        );
        let _ = gateway.event("device.allowed", |e| e["reason"] == "no_policy_open" && e["device"] == "d1");
        database.sql("site", &format!("UPDATE site_row SET body = '{}' WHERE section = 'policy'", body.replace('\'', "''")));
        let _gateway = restarted(gateway);
        assert_eq!([phone("carol", "d1"), phone("bob", "d4")], ["200", "403"]);
    });
}

#[test]
fn g_30_a_full_disk_stops_no_phone_and_what_was_seen_arrives() {
    isolated_with_mounts(|| {
        let mut database = Postgres::start("full");
        let _ = database.create_database("site");
        let room = Arc::new(Room::new("phones-full"));
        let data = room.file("data");
        std::fs::create_dir_all(&data).unwrap();
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=40m,mode=0700", "none", &data], b"");
        assert!(mounted.ok, "{}", mounted.err);
        let _mail = Nginx::start(&room, MAIL, &["127.0.0.1:8080"]);
        let gateway = Gateway::start_in(room, &node(&database), &[]);
        gateway.apply(SITE);
        assert_eq!(phone("carol", "d1"), "200");
        seen(&database, 1);
        let fill = format!("{data}/fill");
        let mut file = std::fs::File::create(&fill).unwrap();
        let some = vec![7; 1 << 16];
        while std::io::Write::write_all(&mut file, &some).is_ok() {}
        while std::io::Write::write_all(&mut file, &[7]).is_ok() {}
        database.stop();
        assert_eq!([phone("carol", "d1"), phone("bob", "d2"), phone("carol", "bad"), phone("carol", "d3")], ["200", "403", "403", "200"]);
        // More than fits into what the file has of the disk already.
        for number in 0..40 {
            assert_eq!(phone("carol", &format!("more{number}")), "200");
        }
        let _ = gateway.event("spool.full", |_| true);
        database.start_again();
        seen(&database, 44);
        drop(file);
        std::fs::remove_file(fill).unwrap();
        assert_eq!(phone("carol", "d4"), "200");
        seen(&database, 45);
    });
}

#[test]
fn g_13_g_34_a_gateway_killed_while_it_is_told_follows_and_nothing_is_counted_twice() {
    isolated(|| {
        const DEVICES: usize = 3_000;
        const GATE: &str = "127.0.0.2:9443";
        let database = Postgres::start("push");
        let _ = database.create_database("site");
        let room = Arc::new(Room::new("push-console"));
        let _mail = Nginx::start(&room, MAIL, &["127.0.0.1:8080"]);
        let console = Gateway::start_in(room.clone(), &node(&database), &[]);
        console.apply(SITE);
        // Another node of the same site.
        let other = Arc::new(Room::new("push-gate"));
        let key = other.write("master.key", std::fs::read(room.file("master.key")).unwrap());
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = node(&database).replace(
            "[mobile]\n",
            &format!("[console]\nlisten = []\n[metrics]\nlisten = \"127.0.0.2:9090\"\n[mobile]\nlisten = [\"{GATE}\"]\n"),
        );
        let mut gate = Some(Gateway::start_in(other, &text, &[]));
        let list = |ruling: &str| -> String {
            let lines = (0..DEVICES).map(|number| format!("carol,p{number},{ruling}\n"));
            std::iter::once("user,id,override\n".to_owned()).chain(lines).collect()
        };
        for (round, ruling) in ["blacklist", "whitelist", "blacklist"].into_iter().enumerate() {
            let file = room.write("push.csv", list(ruling));
            std::thread::scope(|scope| {
                let pushing = scope.spawn(|| console.run(&["device", "import", &file]));
                // While it hears of the first of them, it dies.
                let hears = gate.take().unwrap();
                let applied = hears.log_text().matches("feed.applied").count();
                let _ = hears.events("feed.applied", applied + 1, |_| true);
                gate = Some(Gateway::start_in(hears.kill(), &text, &[]));
                pushing.join().unwrap();
            });
            let wanted = if ruling == "blacklist" { "403" } else { "200" };
            for number in [0, DEVICES / 2, DEVICES - 1] {
                let device = format!("p{number}");
                wait::until(PATIENCE, "the gate to follow", || (phone_at(GATE, "carol", &device) == wanted).then_some(()));
            }
            let rulings = database.sql("site", &format!("SELECT count(*) FROM device WHERE ruling = '{ruling}' AND id LIKE 'p%'"));
            assert_eq!(rulings, DEVICES.to_string(), "round {round}");
        }
        wait::until(PATIENCE, "what was seen to arrive", || (known(&database)[0] == "3").then_some(()));
        let wrong = database.sql(
            "site",
            "SELECT count(*) FROM (SELECT class, count(*) AS n FROM device GROUP BY class) AS real \
             FULL JOIN (SELECT class, amount FROM device_class WHERE class <> '-' AND amount <> 0) AS told USING (class) \
             WHERE n IS DISTINCT FROM amount",
        );
        assert_eq!(wrong, "0", "every class has as many devices as are counted");
    });
}
