//! Commands about the current user's account: `member_of`, `setuserattr`. Nothing is written while the rules run: what
//! is to change becomes an effect of the plan, and only an authenticated sender is a user (X-7). How accounts are made: [`super::new_keys`].

use crypto::pool::Priority;
use model::{Effect, Fault, SecretText};
use rules::attributes::{self, Options};

use super::Answered;
use crate::state::{MailState, Work};

/// Longest value of an attribute, in octets.
const VALUE: usize = 1_024;

pub(super) fn member_of(work: &Work, state: &MailState, groups: &[String]) -> Answered {
    let user = state.account_key();
    Answered::plain(user.is_some_and(|user| groups.iter().all(|group| work.site.is_member(&user, group))))
}

/// Readable as a variable from then on, but for a password: of that only the hash leaves this function.
pub(super) async fn set_user_attr(work: &Work, state: &MailState, name: &'static str, value: &str) -> Result<Answered, Fault> {
    let Some(address) = state.user.address.clone().filter(|_| state.user.authenticated) else {
        return Ok(Answered::plain(false));
    };
    let there = work.site.users.contains_key(&address.key()) || state.account.is_some();
    let fits = value.len() <= VALUE && !value.chars().any(char::is_control);
    let options = name != attributes::ACCOUNT_OPTIONS || Options::parse(value).is_some();
    if !there || !fits || !options || (name == attributes::USER_PASSWORD && value.is_empty()) {
        tracing::warn!(trace = %work.trace, event = "user.attribute_refused", user = %address, name, there, "not set");
        return Ok(Answered::plain(false));
    }
    let kept = if name != attributes::USER_PASSWORD {
        value.trim().to_owned()
    } else if work.rehearsal {
        String::new()
    } else {
        let password = SecretText::new(value.to_owned());
        work.pool.run(Priority::Mail, move || web::password::hash(&password)).await?
    };
    let mut next = state.clone();
    next.attributes.push(Effect::SetUserAttribute { address, name: name.to_owned(), value: kept.clone() });
    let variable = (name != attributes::USER_PASSWORD).then(|| (name.to_owned(), kept));
    Ok(Answered { variable, ..Answered::changed(next) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::site::{Section, SiteRow};

    use super::*;
    use crate::decide;
    use crate::kit_tests::{OURS, PLAIN, STRANGER, rules_for, state, work};

    const ALICE: &str = "alice@company.example";
    const PAUL: &str = "paul@partner.example";

    fn house(client: &str, from: &str) -> Work {
        let mut work = work(client, from, &[PAUL]);
        let mut site = (*work.site).clone();
        for (section, key, body) in [
            (Section::Group, "sales", r#"{"name":"sales","members":["ALICE@company.example"]}"#),
            (Section::Group, "board", r#"{"name":"board"}"#),
            (Section::Group, "empty", r#"{"name":"empty"}"#),
            (Section::User, ALICE, r#"{"address":"alice@company.example","groups":["board"],"attributes":{"title":"Dr"}}"#),
        ] {
            site.apply(&SiteRow { section, key: key.into(), version: 1, body: body.into() }).unwrap();
        }
        work.site = Arc::new(site);
        work
    }

    async fn run(work: &Work, rules: &str) -> MailState {
        decide::decide(work, rules_for(work, rules), state(work, "From: A <a@b.example>\r\nSubject: x\r\n", PLAIN)).await.unwrap().ends[0]
            .1
            .clone()
    }

    async fn says(work: &Work, call: &str) -> bool {
        run(work, &format!("if ({call}) {{ tag_subject('yes'); }}")).await.message.decoded("subject").as_deref() == Some("x yes")
    }

    #[tokio::test]
    async fn m_r1_member_of_wants_all_groups_and_a_user() {
        let ours = house(OURS, ALICE);
        assert!(says(&ours, "member_of('sales')").await && says(&ours, "member_of('board', 'sales')").await);
        assert!(!says(&ours, "member_of('sales', 'empty')").await);
        assert!(!says(&house(OURS, "bob@company.example"), "member_of('sales')").await);
        assert!(!says(&house(STRANGER, ALICE), "member_of('sales')").await, "not authenticated");
    }

    #[tokio::test]
    async fn m_r1_setuserattr_is_an_effect_and_a_variable_from_then_on() {
        let ours = house(OURS, ALICE);
        let rules = "log(1, '$title'); setuserattr('mobile', '+41 $subject'); tag_subject('$title $mobile'); setuserattr('USERPASSWORD', 'hunter2 hunter2');";
        let after = run(&ours, rules).await;
        assert_eq!(after.message.decoded("subject").unwrap(), "x Dr +41 x");
        let [Effect::SetUserAttribute { name, value, .. }, Effect::SetUserAttribute { value: hash, .. }] = after.attributes.as_slice()
        else {
            panic!("{:?}", after.attributes)
        };
        assert_eq!((name.as_str(), value.as_str()), ("mobile", "+41 x"));
        assert!(hash.starts_with("$argon2id$") && !format!("{after:?}").contains("hunter2"), "a password is hashed and never shown");
        assert!(!says(&house(STRANGER, ALICE), "setuserattr('mobile', '1')").await, "not authenticated");
        assert!(!says(&ours, "setuserattr('accountOptions', '$subject')").await, "no number");
        assert!(!says(&house(OURS, "new@company.example"), "setuserattr('mobile', '1')").await, "no account");
        assert!(says(&house(OURS, "new@company.example"), "createaccount() && setuserattr('mobile', '1')").await);
    }

    #[test]
    fn x_21_no_password_stands_in_a_trace() {
        let rules = "setuserattr('userPassword', 'hunter2'); ldap_read('a;u;hunter2;dc=x;(a=b)', 'mail', 'v');";
        let set = rules::compile("t", rules, &rules::BuiltIn).unwrap().0;
        let mut evaluation = rules::Evaluation::new(set, 1);
        while let rules::Step::Ask(_) = evaluation.step(&()) {
            evaluation.answer(rules::Answer::Yes).unwrap();
        }
        let trace = format!("{:?}", evaluation.trace());
        assert!(!trace.contains("hunter2") && trace.contains("setuserattr('userPassword', '…')") && trace.contains("'mail'"), "{trace}");
    }
}
