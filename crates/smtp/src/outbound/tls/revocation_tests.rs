//! What follows of answers about a chain of three.

use std::sync::Mutex;

use super::*;

/// Answers by place, and remembers how long the chains were that it was asked about.
#[derive(Debug, Default)]
struct Told(Vec<Revoked>, Mutex<Vec<usize>>);

#[async_trait]
impl RevocationSource for Told {
    async fn ask(&self, chain: &[Vec<u8>]) -> Vec<Revoked> {
        self.1.lock().unwrap().push(chain.len());
        self.0.clone()
    }
}

fn vouched(length: usize, stapled: Stapled) -> Vouched {
    let names = (0..length).map(|place| format!("CA {place}")).collect();
    Vouched { chain: vec![b"certificate".to_vec(); length], names, stapled }
}

fn unknown() -> Revoked {
    Revoked::Unknown("nobody answers".to_owned())
}

async fn said(revocation: Revocation, stapled: Stapled, answers: &[Revoked]) -> Result<(), String> {
    let lists = std::sync::Arc::new(Told(answers.to_vec(), Mutex::default()));
    let demand = TlsDemand { revocation, lists: Some(lists), ..TlsDemand::default() };
    check(&demand, "mx.partner.example", vouched(3, stapled)).await
}

#[tokio::test]
async fn m_t4_leaf_and_intermediates_count_and_soft_passes_only_what_nobody_knows() {
    let bare = || Stapled::Unknown("nothing is stapled");
    for (answers, soft, hard) in [
        (&[Revoked::No, Revoked::No][..], "", ""),
        (&[Revoked::Yes, Revoked::No], "its certificate was revoked", "its certificate was revoked"),
        (&[Revoked::No, Revoked::Yes], "of its CA CA 1 was revoked", "of its CA CA 1 was revoked"),
        (&[unknown(), Revoked::No], "", "whether its certificate was revoked is not known: nothing is stapled, and nobody answers"),
        (&[Revoked::No, unknown()], "", "whether the certificate of its CA CA 1 was revoked is not known: nobody answers"),
        (&[unknown(), Revoked::Yes], "of its CA CA 1 was revoked", "of its CA CA 1 was revoked"),
        (&[], "", "no revocation lists can be had here"),
    ] {
        for (revocation, why) in [(Revocation::Soft, soft), (Revocation::Hard, hard)] {
            match said(revocation, bare(), answers).await {
                Ok(()) => assert_eq!(why, "", "{revocation:?} {answers:?}"),
                Err(reason) => assert!(!why.is_empty() && reason.contains(why), "{revocation:?} {answers:?}: {reason}"),
            }
        }
    }
}

#[tokio::test]
async fn m_t4_what_is_stapled_is_not_asked_for_again() {
    assert_eq!(said(Revocation::Hard, Stapled::Good, &[Revoked::No]).await, Ok(()));
    let refused = said(Revocation::Hard, Stapled::Good, &[unknown()]).await.unwrap_err();
    assert!(refused.contains("its CA CA 1") && !refused.contains("stapled"), "{refused}");
    let lists = std::sync::Arc::new(Told(vec![Revoked::No], Mutex::default()));
    for (length, stapled, asked) in
        [(1, Stapled::Good, None), (2, Stapled::Good, None), (3, Stapled::Good, Some(2)), (2, Stapled::Unknown(""), Some(2))]
    {
        let demand = TlsDemand { revocation: Revocation::Hard, lists: Some(lists.clone()), ..TlsDemand::default() };
        assert_eq!(check(&demand, "mx", vouched(length, stapled)).await, Ok(()), "{length}");
        assert_eq!(lists.1.lock().unwrap().pop(), asked, "{length}");
    }
}
