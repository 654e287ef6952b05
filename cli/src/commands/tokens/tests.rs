use openindex_adapters_http::wire::{CreatedPat, Open, PlainSecret, Status};
use openindex_domain::token::{Expiry, Lifetime};

use super::argument::{MAX_NAMED, Named, find};
use super::created::{CreateOutput, created_text};
use super::replacement::Replaced;
use super::*;
use crate::commands::tests::{STYLE, pats};
use crate::error::Failure;
use crate::exit_code::ExitCode;
use crate::field::Given;

fn args(expires: Option<&str>, expires_in: Option<&str>) -> ExpiryArgs {
    ExpiryArgs {
        expires: expires.map(str::to_owned),
        expires_in: expires_in.map(str::to_owned),
        never_expires: false,
    }
}

#[test]
fn an_expiry_is_a_date_or_a_lifetime() {
    let none = args(None, None);
    assert_eq!((none.at().unwrap(), none.span().unwrap()), (None, None));
    let date = args(Some("2026-12-31"), None).at().unwrap();
    assert_eq!(date, Expiry::parse("2026-12-31").ok());
    let span = args(None, Some("90d")).span().unwrap();
    assert_eq!(span.map(Lifetime::seconds), Some(7_776_000));
    let never = ExpiryArgs {
        never_expires: true,
        ..none
    };
    assert_eq!(never.at().unwrap(), Some(Expiry::Never));
}

#[test]
fn an_invalid_expiry_is_a_usage_error_with_the_expected_format() {
    for (expires, expires_in, message) in [
        (Some(" "), None, "must not be blank"),
        (Some("tomorrow"), None, "such as 2026-12-31"),
        (None, Some("tomorrow"), "such as 90d"),
        (Some("never"), None, "use --never-expires"),
        (None, Some("never"), "use --never-expires"),
        (None, Some("0d"), "greater than zero"),
        (None, Some("9000000d"), "at most 9999 years"),
    ] {
        let args = args(expires, expires_in);
        let failure = args.at().and(args.span()).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage);
        assert!(failure.message.contains(message), "{}", failure.message);
    }
}

fn given(text: &str, flag: Option<&'static str>) -> Result<Named, Failure> {
    let text = text.to_owned();
    parse_named(&Given { flag, text })
}

#[test]
fn the_id_flag_accepts_only_ids_and_the_name_flag_any_name() {
    let id = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    assert!(matches!(given(id, Some("id")), Ok(Named::Id(_))));
    // A name may look like an id.
    assert!(matches!(given(id, Some("name")), Ok(Named::Name(name)) if name == id));
    let failure = given("ci", Some("id")).unwrap_err();
    assert!(failure.message.contains("--name"), "{}", failure.message);
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    for flag in ["id", "name"] {
        let failure = given(secret, Some(flag)).unwrap_err();
        assert!(!failure.message.contains(secret), "{}", failure.message);
    }
}

#[test]
fn a_token_is_an_id_or_a_name_and_never_a_secret() {
    let id = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    assert!(matches!(given(id, None), Ok(Named::Id(_))));
    assert!(matches!(given("deploy bot", None), Ok(Named::Name(name)) if name == "deploy bot"));
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    for (text, message) in [
        ("run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", "is an agent run"),
        (secret, "is a token's secret"),
    ] {
        let failure = given(text, None).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage);
        assert!(failure.message.contains(message), "{}", failure.message);
        assert_eq!(failure.next_command.as_deref(), Some(LIST));
        assert!(!failure.message.contains(secret));
    }
}

#[test]
fn a_name_must_identify_one_token() {
    let mut pats = pats();
    let name = pats[0].name.clone();
    assert_eq!(find(&name, &pats).unwrap().to_string(), pats[0].id);
    // Names match exactly.
    for missing in ["", "nothing", &name.to_uppercase(), &name[1..]] {
        let failure = find(missing, &pats).unwrap_err();
        assert_eq!(failure.code, "not_found", "{missing}");
    }
    pats[1].name.clone_from(&name);
    pats[1].replaced_by = None;
    let failure = find(&name, &pats).unwrap_err();
    assert_eq!(failure.exit, ExitCode::Usage);
    for pat in &pats[..2] {
        assert!(failure.message.contains(&pat.id), "{}", failure.message);
    }
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let failure = find(secret, &pats).unwrap_err();
    assert!(!failure.message.contains(secret), "{}", failure.message);
}

#[test]
fn a_name_means_the_only_live_token_that_is_not_replaced() {
    let live = &pats()[..1];
    let mut replaced = live[0].clone();
    replaced.id = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e8".to_owned();
    let mut expired = replaced.clone();
    replaced.replaced_by = Some(live[0].id.clone());
    expired.status = Open::Known(Status::Expired);
    let find = |pats: &[Pat]| find(&live[0].name, pats);
    for others in [
        vec![replaced.clone()],
        vec![expired.clone()],
        vec![replaced.clone(), expired.clone(), replaced.clone()],
    ] {
        let pats = [&others, live].concat();
        assert_eq!(find(&pats).unwrap().to_string(), live[0].id);
    }
    // A single token matches whatever its status.
    for alone in [&replaced, &expired] {
        let found = find(std::slice::from_ref(alone)).unwrap();
        assert_eq!(found.to_string(), alone.id);
    }
    // Several live tokens, several expired ones or a full page are ambiguous.
    let mut other = replaced.clone();
    other.replaced_by = None;
    let full = [live, &vec![expired.clone(); MAX_NAMED as usize - 1]].concat();
    for pats in [
        [live, &[other, expired.clone()]].concat(),
        vec![replaced, expired.clone()],
        vec![expired.clone(), expired],
        full,
    ] {
        assert_eq!(find(&pats).unwrap_err().exit, ExitCode::Usage);
    }
}

#[test]
fn the_introduction_of_a_token_does_not_contain_its_secret() {
    let created = CreatedPat {
        pat: pats().remove(1),
        token: PlainSecret::new("the secret"),
    };
    let introduction = |replaced: Option<&Replaced>| {
        let created = &created;
        created_text(&CreateOutput { created, replaced }, &STYLE)
    };
    let text = introduction(None);
    assert!(!text.contains("the secret"));
    insta::assert_snapshot!(text);
    // Times are compared as text: the server writes them all in the same format.
    for (expires_at, expected) in [
        (
            "2026-11-24T07:00:00.000Z",
            "valid until 2026-11-24 07:00 UTC (in 1 hour)",
        ),
        ("2026-11-01T00:00:00.000Z", "revoked"),
    ] {
        let old = Replaced {
            id: "pat_old".to_owned(),
            expires_at: expires_at.to_owned(),
        };
        let text = introduction(Some(&old));
        assert!(text.contains("Rotated token deploy bot"), "{text}");
        assert!(text.contains(&format!("pat_old, {expected}")), "{text}");
    }
}

#[test]
fn the_prompt_shows_the_tokens() {
    let pats = &pats()[..2];
    insta::assert_snapshot!(
        "delete_one",
        question(&pats[1..], Some("pat_other"), &STYLE)
    );
    insta::assert_snapshot!("delete_own", question(pats, Some(&pats[0].id), &STYLE));
}
