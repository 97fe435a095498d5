//! Story: many mails of the largest size at once, signed and encrypted, opened and verified, within the node's memory for mail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use sealgate_tests::dying_hop::DyingHop;
use sealgate_tests::memory::peak;
use sealgate_tests::scene::{GATE, NODE, SITE, cms_encrypt, mail_of, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::tools::{Ca, must};
use testkit::{Gateway, Room, wait};

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";
const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";
/// `max_message_size` of the site as it comes.
const LARGEST: usize = 50_000_000;
/// Mails at once in each direction.
const AT_ONCE: usize = 3;

/// How many were taken, and how often one was told to come later.
#[derive(Default)]
struct Counts {
    taken: Mutex<usize>,
    more: Condvar,
    later: AtomicUsize,
}

/// Sends until it is taken: what there is no room for is told to come later, and comes when another mail was taken.
fn send(local: &str, from: &str, to: &str, message: &str, counts: &Counts) {
    let mut client = Client::connect(GATE, local).unwrap();
    client.say("EHLO client.example").unwrap();
    loop {
        let before = *counts.taken.lock().unwrap();
        let reply = client.mail(from, &[to], message.as_bytes()).unwrap();
        let mut taken = counts.taken.lock().unwrap();
        match reply.get(..3) {
            Some("250") => {
                *taken += 1;
                counts.more.notify_all();
                return;
            }
            Some("451" | "452") => {
                counts.later.fetch_add(1, Ordering::SeqCst);
                // Its room comes back a moment after its 250.
                drop(counts.more.wait_timeout_while(taken, Duration::from_secs(1), |now| *now == before).unwrap());
            }
            _ => panic!("{reply}"),
        }
    }
}

/// About so many octets of text.
fn lines(octets: usize) -> String {
    let line = format!("{}\r\n", "x".repeat(76));
    line.repeat(octets / line.len())
}

#[test]
fn m_t6_m_c1_the_largest_mails_under_cryptography_stay_within_the_memory_for_mail() {
    isolated(|| {
        let (company, partner) = (DyingHop::start("127.0.0.10:25"), DyingHop::start("127.0.0.20:25"));
        let gateway = Gateway::start("large", &format!("{NODE}[limits]\nmemory = \"1GB\"\n"));
        gateway.apply(&format!("{SITE}{USERS}"));
        let room = Room::new("files");
        let ca = Ca::new(&room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        let pass = room.write("pass", "secret");
        gateway.run(&["key", "import", &alice.p12, "--user", ALICE, "--passphrase-file", &pass]);
        gateway.run(&["key", "import", &bob.cert, "--partner", BOB]);
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);

        let outward = lines(LARGEST - 2_000);
        let plain = room.write("plain.txt", format!("Content-Type: text/plain\r\n\r\n{}", lines(LARGEST * 7 / 10)));
        let signed = must("openssl", &["cms", "-sign", "-in", &plain, "-signer", &bob.cert, "-inkey", &bob.key, "-binary"], b"");
        let inward = cms_encrypt(&room, &signed, &[&alice], "-aes-256-cbc");
        assert!((LARGEST * 9 / 10..LARGEST).contains(&(inward.len() * 66 / 65)), "{}", inward.len());
        let counts = Counts::default();
        std::thread::scope(|scope| {
            for n in 0..AT_ONCE {
                let (outward, inward, counts) = (&outward, &inward, &counts);
                scope.spawn(move || send("127.0.0.10", ALICE, BOB, &text(ALICE, BOB, &format!("out{n} [secure]"), outward), counts));
                scope.spawn(move || send("127.0.0.20", BOB, ALICE, &mail_of(BOB, ALICE, &format!("in{n}"), inward), counts));
            }
        });
        wait::until(Duration::from_secs(300), "all to be delivered", || {
            let came = |n: usize| partner.copies(&format!("out{n}")) == 1 && company.copies(&format!("in{n} [secure] [signed OK]")) == 1;
            (0..AT_ONCE).all(came).then_some(())
        });
        let peak = peak(&gateway);
        println!("{} told to come later; {peak} MiB at most with 1 GB for mail", counts.later.into_inner());
        assert!(peak < 1_200, "{peak} MiB with 1 GB for mail");
    });
}
