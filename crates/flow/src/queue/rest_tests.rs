//! What memory and indexes hold of a mail reads back, and nothing else is read.

use bytes::Bytes;
use model::{Counter, Effect, Output, TraceId};

use super::super::pending::Fate;
use super::super::shelf::{FoundPlan, FoundState};
use super::*;

fn plan() -> Plan {
    let recipient = |text: &str| Recipient::plain(Address::parse(text).unwrap());
    let one = Output {
        sender: Some(Address::parse("a@company.example").unwrap()),
        recipients: vec![
            Recipient { original: Some("rfc822;x@y.example".into()), notify: Some(Notify::NEVER), ..recipient("b@partner.example") },
            Recipient { notify: Some(Notify { success: true, failure: false, delay: true }), ..recipient("\"c d\"@partner.example") },
        ],
        route: Route::Server { server: "[127.0.0.1]:25".into() },
        content: Bytes::from_static(b"content"),
        eight_bit: false,
        header: Bytes::new(),
        opened: true,
        inside: true,
        unproven: true,
        envelope_id: Some("QQ1".into()),
        ret: Some(Return::Headers),
        smtputf8: true,
        waits_for: Some(1),
    };
    let other = Output {
        sender: None,
        route: Route::Usual,
        inside: false,
        opened: false,
        unproven: false,
        envelope_id: None,
        ret: None,
        smtputf8: false,
        waits_for: None,
        ..one.clone()
    };
    let effects = vec![Effect::Count { counter: Counter::MailSent, by: 1 }];
    Plan { trace: TraceId::new(), received: Timestamp(5), outputs: vec![one, other], effects, digest: "d".into() }
}

fn about() -> About {
    About { trace: TraceId::from_u128(9), output: 1, failed: vec![0, 300], delayed: Vec::new(), relayed: vec![2] }
}

#[test]
fn a_summary_tells_all_that_delivery_needs() {
    let plan = plan();
    let octets = summary(&plan, Some(&about())).unwrap();
    let mail = mail_of(RecordId(7), &octets).unwrap();
    assert_eq!((mail.record, mail.received, &mail.effects, mail.effects_done), (RecordId(7), plan.received, &plan.effects, false));
    for (out, output) in mail.outputs.iter().zip(&plan.outputs) {
        assert_eq!(
            (&out.sender, &out.route, out.opened, &out.envelope_id),
            (&output.sender, &output.route, output.opened, &output.envelope_id)
        );
        assert_eq!((out.ret, out.smtputf8, out.waits_for, out.length), (output.ret, output.smtputf8, output.waits_for, 7));
        assert_eq!((out.unproven, out.inside), (output.unproven, output.inside));
        let recipients: Vec<&Recipient> = out.recipients.iter().map(|rcpt| &rcpt.recipient).collect();
        assert_eq!(recipients, output.recipients.iter().collect::<Vec<_>>());
    }
    let front = front_of(&octets).unwrap();
    assert_eq!((front.trace, front.digest, front.outputs, front.marks), (plan.trace, &b"d"[..], 2, marks::of(&plan)));
    assert_eq!(about_of(&octets), Some(about()));
    assert_eq!(about_of(&summary(&plan, None).unwrap()), None);
}

#[test]
fn a_mail_goes_to_rest_and_wakes_as_it_was() {
    let plan = plan();
    let mut mail = mail_of(RecordId(7), &summary(&plan, None).unwrap()).unwrap();
    (mail.state_record, mail.held, mail.confirmed, mail.effects_done, mail.effects) = (Some(RecordId(9)), true, true, true, Vec::new());
    let fates = [Fate::Waiting, Fate::Delivered, Fate::Relaying, Fate::Waiting];
    let all = mail.outputs.iter_mut().flat_map(|out| &mut out.recipients);
    for (n, (rcpt, fate)) in all.zip(fates).enumerate() {
        (rcpt.fate, rcpt.tries, rcpt.next_try, rcpt.told) = (fate, n as u32 + 200, Timestamp(40 - n as i64), n == 0);
        let reply = format!("45{n} later");
        rcpt.last = Some(model::Outcome::NotDone { temporary: true, status: "4.2.0".into(), reply, by: "dns; x".into() });
    }
    let rest = Rest::of(plan.trace, &mail);
    assert_eq!(rest.received(), Some(Timestamp(5)));
    let due = BTreeSet::from([(Timestamp(40), plan.trace, 0)]);
    let woken = rest.wake(plan.trace, &due).unwrap();
    assert_eq!(
        (woken.record, woken.state_record, woken.held, woken.confirmed, woken.effects_done),
        (RecordId(7), Some(RecordId(9)), true, true, true)
    );
    assert_eq!(woken.outputs.iter().map(|out| out.due).collect::<Vec<_>>(), [Some(Timestamp(40)), None]);
    let see = |mail: &Mail| -> Vec<_> {
        let all = mail.outputs.iter().flat_map(|out| &out.recipients);
        all.map(|rcpt| (rcpt.fate, rcpt.tries, rcpt.next_try, rcpt.told, rcpt.last.as_ref().map(|last| last.reply().to_owned()))).collect()
    };
    assert_eq!(see(&woken), see(&mail));
    let state = state(&State::of(plan.trace, &mail));
    let looked = look(&woken.summary, &state).unwrap();
    assert_eq!((looked.held, looked.confirmed, looked.due), (true, true, vec![Some(Timestamp(40)), Some(Timestamp(37))]));
    assert_eq!((look(&woken.summary, b""), trace_of(&state)), (None, Some(plan.trace)), "its effects wait: it must be woken");
}

#[test]
fn a_mail_on_the_shelf_is_the_same_as_one_with_octets_of_its_own() {
    let plan = plan();
    let summary: Bytes = summary(&plan, None).unwrap().into();
    let mut mail = mail_of(RecordId(7), &summary).unwrap();
    (mail.state_record, mail.effects_done, mail.effects) = (Some(RecordId(9)), true, Vec::new());
    mail.outputs[0].recipients[0].tries = 3;
    let octets: Bytes = state(&State::of(plan.trace, &mail)).into();
    let plans = vec![FoundPlan { trace: plan.trace, record: RecordId(7), summary }];
    let states = vec![FoundState { trace: plan.trace, record: RecordId(9), octets }];
    let shelf = Arc::new(Shelf { plans, states });
    let none = BTreeSet::new();
    let see = |rest: &Rest| rest.wake(plan.trace, &none).map(|mail| format!("{mail:?}"));
    for number in [None, Some(0)] {
        let mut rest = Rest::shelved(&shelf, 0, number);
        let (woken, received) = (see(&rest), rest.received());
        assert!(woken.is_some() && Arc::strong_count(&shelf) == 2);
        rest.leave_shelf();
        assert_eq!((see(&rest), rest.received(), Arc::strong_count(&shelf)), (woken, received, 1));
    }
    let parts: Vec<_> = shelf.parts(1, 8).into_iter().map(|part| (part.plans, part.states)).collect();
    assert_eq!(parts, [(0..1, 0..1)]);
}

#[test]
fn octets_that_are_none_of_ours_are_refused() {
    let plan = plan();
    let octets = summary(&plan, Some(&about())).unwrap();
    let mail = mail_of(RecordId(1), &octets).unwrap();
    let state = state(&State::of(plan.trace, &mail));
    for cut in 0..octets.len() {
        assert!(about_of(&octets[..cut]).is_none(), "cut at {cut}");
    }
    for cut in 0..state.len() {
        assert!(state_of(&state[..cut]).is_none(), "cut at {cut}");
    }
    // Anything may come out of spoilt octets but a panic, or work without end.
    for place in 0..octets.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut spoilt = octets.clone();
            spoilt[place] = value;
            let _ = (mail_of(RecordId(1), &spoilt), about_of(&spoilt), look(&spoilt, &state), look(&spoilt, b""));
        }
    }
    let mut newer = octets;
    newer[0] = VERSION + 1;
    assert!(front_of(&newer).is_none());
}
