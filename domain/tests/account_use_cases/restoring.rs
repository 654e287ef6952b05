//! After a backup was restored, what ended since ends again, by the operator.

use openindex_domain::audit::{AuditAction, AuditFilter, AuditStore as _, Subject};
use openindex_domain::invite::InviteAction;
use openindex_domain::restore::{Ended, ExportedEvent, RestoreError};
use openindex_domain::session::SessionAction;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::TokenAction;
use openindex_domain::user::{Role, UserAction};

use crate::world::{PASSWORD, World, session_of};

impl World {
    /// Returns an export of the audit log, which continues with these events.
    async fn export(&self, later: &[(AuditAction, Subject)]) -> Vec<ExportedEvent> {
        let filter = AuditFilter::default();
        let events = self.all.store.events(&filter, None, 1_000).await;
        let events = events.expect("the audit log");
        let newest = events.first().expect("an event").at;
        let exported = |event: &openindex_domain::audit::AuditEvent| ExportedEvent {
            at: event.at,
            id: event.id,
            action: event.action,
            subject: event.subject,
        };
        let mut export: Vec<ExportedEvent> = events.iter().map(exported).collect();
        for (number, (action, subject)) in (1..).zip(later) {
            let at = newest.saturating_add_seconds(number);
            let number = number.unsigned_abs() + 1_000;
            export.push(exported(&fixtures::audit(number, at, *action, *subject)));
        }
        export
    }

    async fn restore(&self, later: &[(AuditAction, Subject)]) -> Ended {
        let export = self.export(later).await;
        let missed = self.all.restore.compare(&[export]).await;
        let missed = missed.expect("the store works");
        assert!(missed.is_continuous);
        assert_eq!(missed.events, later.len());
        let ended = self.all.restore.end(&missed, None).await;
        ended.expect("the store works")
    }
}

#[tokio::test]
async fn sessions_passwords_and_invites_of_a_backup_end() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let open = world.invite("alan@example.com", Role::Member).await;
    assert!(world.principal(session_of(&grace)).await.is_some());
    let user = Subject::User(grace.user.id);
    let ended = world
        .restore(&[(SessionAction::PASSWORD_CHANGED, user)])
        .await;
    let expected = Ended {
        passwords: 1,
        sessions: 1,
        invites: 1,
        ..Ended::default()
    };
    assert_eq!(ended, expected);
    assert!(world.principal(session_of(&grace)).await.is_none());
    let signed_in = world.sign_in("grace@example.com", PASSWORD).await;
    assert!(signed_in.is_err());
    assert!(world.claim(&open).await.is_err());
    let kept = world.all.tokens.verify(&world.admin_secret).await;
    assert!(kept.is_ok(), "nothing tells that it was revoked");
    for (action, count) in [
        (SessionAction::SESSIONS_ENDED, 1),
        (InviteAction::WITHDRAWN, 1),
        (SessionAction::PASSWORD_CHANGED, 1),
    ] {
        assert_eq!(world.count(action).await, count, "{action}");
    }
}

#[tokio::test]
async fn a_user_has_no_more_access_than_at_the_end_of_the_export() {
    for action in [
        UserAction::SUSPENDED,
        UserAction::DEMOTED,
        UserAction::DELETED,
    ] {
        let world = World::new().await;
        let grace = world.join(Role::Admin).await;
        let later = [(action, Subject::User(grace.user.id))];
        let ended = world.restore(&later).await;
        let number = match action {
            UserAction::SUSPENDED => ended.suspended,
            UserAction::DEMOTED => ended.demoted,
            _ => ended.deleted,
        };
        assert_eq!(number, 1, "{action}");
        assert_eq!(world.count(action).await, 1);
        assert_eq!(ended.last_admin, []);
        let again = world.restore(&later).await;
        assert_eq!(again, Ended::default(), "{action}");
    }
}

#[tokio::test]
async fn the_only_administrator_loses_credentials_and_no_role() {
    let world = World::new().await;
    let ada = world.admin.user_id();
    let ended = world
        .restore(&[(UserAction::DELETED, Subject::User(ada))])
        .await;
    assert_eq!(ended.last_admin, [ada]);
    assert_eq!(ended.tokens, 1);
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_err());
}

#[tokio::test]
async fn a_revoked_token_and_all_tokens_of_the_backup_can_be_revoked() {
    let world = World::new().await;
    let token = world.admin.token().expect("a token").id;
    let ended = world
        .restore(&[(TokenAction::REVOKED, Subject::Token(token))])
        .await;
    assert_eq!(ended.tokens, 1);
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_err());

    let world = World::new().await;
    let missed = world.all.restore.compare(&[]).await;
    let missed = missed.expect("the store works");
    assert!(!missed.is_continuous);
    let before = missed.backup_at.saturating_add_millis(1);
    for (before, count) in [(missed.backup_at, 0), (before, 1), (before, 0)] {
        let ended = world.all.restore.end(&missed, Some(before)).await;
        assert_eq!(ended.expect("the store works").tokens, count);
        let (live, number) = world.all.restore.live_tokens(10).await.expect("tokens");
        assert_eq!(live.len() as u64, number);
    }
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_err());
}

#[tokio::test]
async fn a_database_without_users_has_no_backup_to_compare() {
    let compared = InMemory::default().restore.compare(&[]).await;
    assert!(matches!(compared, Err(RestoreError::NoUsers)));
}
