//! Fixtures for the snapshots of these commands, some of them hostile.

use openindex_adapters_http::wire::{
    AdminPat, AuditActor, AuditEvent, EmailChange, Invite, InviteStatus, MeUser, Open, Role, User,
};

use crate::commands::tests::pats;

const HOSTILE: &str = "<b>x</b>\u{1b}[2J\u{202e}gnp.exe";

pub(in crate::commands) fn users() -> Vec<User> {
    let user = |digit: char, name: &str, role, suspended_at: Option<&str>| User {
        id: format!("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
        email: format!("user{digit}@example.com"),
        name: name.to_owned(),
        mixed_scripts: Vec::new(),
        role: Open::Known(role),
        created_at: "2026-11-20T08:00:00.000Z".to_owned(),
        suspended_at: suspended_at.map(str::to_owned),
    };
    let suspended_at = Some("2026-11-23T00:00:00.000Z");
    let mut users = vec![
        user('1', "Ada Lovelace", Role::Admin, None),
        user('2', "Charles", Role::Member, suspended_at),
        user('3', HOSTILE, Role::Member, None),
        user('4', &"長い名前".repeat(25), Role::Member, None),
    ];
    users[3].mixed_scripts = ["Han", "Cyrillic"].map(str::to_owned).to_vec();
    users[2].email = "a\u{200b}\u{2066}b@example.com".to_owned();
    users
}

pub(super) fn invites() -> Vec<Invite> {
    let invite = |digit: char, email: &str, status| Invite {
        id: format!("inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
        email: Some(email.to_owned()),
        mixed_scripts: Vec::new(),
        role: Open::Known(Role::Member),
        status: Open::Known(status),
        created_by: Some("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned()),
        created_at: "2026-11-20T08:00:00.000Z".to_owned(),
        expires_at: "2026-11-27T08:00:00.000Z".to_owned(),
        claimed_at: None,
        claimed_by: None,
        replaced_by: None,
    };
    let mut invites = vec![
        invite('1', "grace@example.com", InviteStatus::Open),
        invite('2', "charles@example.com", InviteStatus::Claimed),
        invite('3', "x\u{1b}[2J\u{202e}@example.com", InviteStatus::Expired),
        invite('4', "first@example.com", InviteStatus::Withdrawn),
        invite('5', "grace@example.com", InviteStatus::Replaced),
    ];
    invites[1].claimed_at = Some("2026-11-22T05:00:00.000Z".to_owned());
    invites[0].mixed_scripts = ["Cyrillic", "Latin"].map(str::to_owned).to_vec();
    invites[3].email = None;
    invites[3].role = Open::Known(Role::Admin);
    invites
}

pub(super) fn admin_pats() -> Vec<AdminPat> {
    let owners = [
        (Some("ada@example.com"), Some("Ada Lovelace")),
        (None, Some(HOSTILE)),
        (None, None),
    ];
    let items = pats().into_iter().zip(owners);
    items
        .map(|(pat, (email, name))| AdminPat {
            pat,
            owner: MeUser {
                id: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned(),
                email: email.map(str::to_owned),
                name: name.map(str::to_owned),
                role: Open::Known(Role::Member),
            },
        })
        .collect()
}

pub(super) fn events() -> Vec<AuditEvent> {
    let event = |digit: char, kind: &str, action: &str| AuditEvent {
        id: format!("evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
        at: "2026-11-24T05:58:12.345Z".to_owned(),
        actor: AuditActor {
            kind: kind.to_owned(),
            user_id: None,
            credential_id: None,
            user_name: None,
            credential_name: None,
        },
        action: action.to_owned(),
        subject: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
        related: None,
        subject_name: None,
        related_name: None,
        email_change: None,
        request_id: None,
        client_address: None,
    };
    let mut events = vec![
        event('1', "token", "token.rotated"),
        event('2', "anonymous", "token.reported_leaked"),
        event('3', "operator", "instance.bootstrapped"),
    ];
    let first = &mut events[0];
    first.actor.user_id = Some("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned());
    first.actor.credential_id = Some("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned());
    first.related = Some("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e3".to_owned());
    first.actor.user_name = Some("Ada Lovelace".to_owned());
    first.actor.credential_name = Some("laptop".to_owned());
    first.subject_name = Some("laptop".to_owned());
    first.related_name = Some(HOSTILE.to_owned());
    first.request_id = Some("0199f3a1-c6d0-7c35-b2f0-e8a4d1c7b9e2".to_owned());
    first.client_address = Some("203.0.113.7".to_owned());
    events[2].email_change = Some(EmailChange {
        from: "ada@example.com".to_owned(),
        to: "ada\u{202e}@example.org".to_owned(),
    });
    events[1].request_id = Some("x\u{1b}]0;y\u{7}".to_owned());
    events
}
