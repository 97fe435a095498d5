//! DMARC against a table of records.

use super::*;
use crate::testing::Table;

fn spf(verdict: Verdict, domain: &str) -> SpfResult {
    SpfResult { verdict, domain: domain.into(), ..Default::default() }
}

async fn of(table: &Table, author: &str, spf: SpfResult) -> (Verdict, Policy) {
    let result = evaluate(table, Identifiers { author, spf: &spf, dkim: &[] }).await;
    (result.verdict, result.policy)
}

#[tokio::test]
async fn m_t11_alignment_and_policy() {
    let table = Table::of(&[
        ("_dmarc.a.example", "v=DMARC1; p=reject; sp=quarantine"),
        ("_dmarc.strict.example", "v=DMARC1; p=reject; aspf=s"),
        ("_dmarc.np.example", "v=DMARC1; p=none; np=reject"),
        ("_dmarc.twice.example", "v=DMARC1; p=reject"),
        ("_dmarc.twice.example", "v=DMARC1; p=none"),
    ]);
    assert_eq!(of(&table, "A.example.", spf(Verdict::Pass, "a.example")).await, (Verdict::Pass, Policy::Reject));
    assert_eq!(of(&table, "a.example", spf(Verdict::Pass, "mail.a.example")).await, (Verdict::Pass, Policy::Reject));
    assert_eq!(of(&table, "a.example", spf(Verdict::Pass, "b.example")).await, (Verdict::Fail, Policy::Reject));
    assert_eq!(of(&table, "a.example", spf(Verdict::Fail, "a.example")).await, (Verdict::Fail, Policy::Reject));
    assert_eq!(of(&table, "sub.a.example", spf(Verdict::None, "")).await, (Verdict::Fail, Policy::Quarantine));
    assert_eq!(of(&table, "strict.example", spf(Verdict::Pass, "m.strict.example")).await, (Verdict::Fail, Policy::Reject));
    assert_eq!(of(&table, "no.np.example", spf(Verdict::None, "")).await, (Verdict::Fail, Policy::Reject), "there is no such name");
    assert_eq!(of(&table, "twice.example", spf(Verdict::None, "")).await, (Verdict::None, Policy::None));
    assert_eq!(of(&table, "other.test", spf(Verdict::Pass, "other.test")).await, (Verdict::None, Policy::None));
}

#[tokio::test]
async fn m_t11_the_tree_walk_finds_the_organization() {
    let table = Table::of(&[("_dmarc.example", "v=DMARC1; p=reject; psd=y"), ("_dmarc.own.bank.example", "v=DMARC1; p=quarantine; psd=n")]);
    assert_eq!(of(&table, "a.b.bank.example", spf(Verdict::Pass, "c.bank.example")).await, (Verdict::Pass, Policy::Reject));
    assert_eq!(
        of(&table, "bank.example", spf(Verdict::Pass, "other.example")).await,
        (Verdict::Fail, Policy::Reject),
        "a suffix joins nobody"
    );
    assert_eq!(of(&table, "own.bank.example", spf(Verdict::Pass, "bank.example")).await, (Verdict::Fail, Policy::Quarantine));
    assert_eq!(steps("a.b.c.d.e.f.g.h.i.j").len(), 8);
    assert_eq!(steps("a.b.c.d.e.f.g.h.i.j")[1], "d.e.f.g.h.i.j");
    assert_eq!(below("x.y.bank.example", "example"), "bank.example");
}

#[tokio::test]
async fn m_t11_no_answer_is_no_refusal() {
    let table = Table::of(&[("_dmarc.a.example", "v=DMARC1; p=reject")]).silent("_dmarc.b.example");
    assert_eq!(of(&table, "b.example", spf(Verdict::None, "")).await.0, Verdict::TempError);
    assert_eq!(of(&table, "a.example", spf(Verdict::TempError, "a.example")).await.0, Verdict::TempError);
    // No answer above the author's own record: what needs no more is decided, what does is left open.
    let above = Table::of(&[("_dmarc.a.example", "v=DMARC1; p=reject")]).silent("_dmarc.example");
    assert_eq!(of(&above, "a.example", spf(Verdict::Pass, "a.example")).await.0, Verdict::Pass);
    assert_eq!(of(&above, "a.example", spf(Verdict::Fail, "a.example")).await.0, Verdict::Fail);
    assert_eq!(of(&above, "a.example", spf(Verdict::Pass, "b.example")).await.0, Verdict::TempError);
    assert_eq!(of(&above, "a.example", spf(Verdict::Pass, "evil.test")).await.0, Verdict::Fail);
    // A stranger's own broken DNS changes nothing for the domain that he pretends to be.
    assert_eq!(of(&table, "a.example", spf(Verdict::TempError, "evil.example")).await.0, Verdict::Fail);
}
