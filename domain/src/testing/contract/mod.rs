//! The contract suite: tests that every store must pass, and that stores outside this workspace can
//! run. Each case is a function of a [`Harness`] with an empty store.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics exactly when the store breaks its promise"
)]

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{Actor, ActorError, CredentialId, Denial, Requirement};
use crate::admin_tokens::AdminTokenStore;
use crate::agent_run::AgentRunStore;
use crate::audit::{AuditEvent, AuditFilter, AuditStore, Subject};
use crate::clock::Timestamp;
use crate::invite::InviteStore;
use crate::rate_limit::RateLimitStore;
use crate::session::{SessionAction, SessionStore, StartSession, StartSessionOutcome};
use crate::testing::fixtures;
use crate::token::{
    CreateToken, CreateTokenOutcome, CreationRate, Digest, ListFilter, PredecessorEnd, Rejection,
    RevokeToken, RotateToken, Scope, Token, TokenAction, TokenId, TokenRecord, TokenStore,
};
use crate::user::{PasswordHash, Role, User, UserId, UserStore};
use crate::work_item::{WorkItem, WorkItemStore};

pub mod account_owners;
pub mod admin_tokens;
pub mod agent_runs;
pub mod audit;
pub mod change_user;
pub mod create;
pub mod damage;
pub mod damage_ends;
pub mod delete_user;
pub mod forms;
pub mod invites;
pub mod listing;
pub mod lookup;
pub mod maintenance;
pub mod owners;
pub mod rate_limits;
pub mod review;
pub mod revoke;
pub mod rotate;
pub mod sessions;
pub mod sign_in_links;
pub mod users;
pub mod work_item_changes;
pub mod work_item_races;
pub mod work_items;

/// An empty store under test, and ways to insert the starting state of a test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// Returns the token store.
    fn tokens(&self) -> Arc<dyn TokenStore>;
    /// Returns the audit log.
    fn audit(&self) -> Arc<dyn AuditStore>;
    /// Inserts a user, or replaces the one with the same id.
    async fn put_user(&self, user: &User);
    /// Inserts a token without any checks.
    async fn put_token(&self, token: &Token, digest: &Digest);
}

/// A [`Harness`] of a store that also has agent runs.
#[async_trait]
pub trait AgentRunHarness: Harness {
    /// Returns the store of agent runs.
    fn agent_runs(&self) -> Arc<dyn AgentRunStore>;
}

/// A [`Harness`] of a store that also has work items.
#[async_trait]
pub trait WorkHarness: AgentRunHarness {
    /// Returns the store of work items.
    fn work_items(&self) -> Arc<dyn WorkItemStore>;
    /// Inserts a work item without any checks, or replaces the one with the same key. Its domain's
    /// next number becomes greater than its own.
    async fn put_work_item(&self, item: &WorkItem);
}

/// A [`Harness`] of a store that also has accounts.
#[async_trait]
pub trait AccountHarness: Harness {
    /// Returns the store of users.
    fn users(&self) -> Arc<dyn UserStore>;
    /// Returns the store of browser sessions.
    fn sessions(&self) -> Arc<dyn SessionStore>;
    /// Returns the store of invites.
    fn invites(&self) -> Arc<dyn InviteStore>;
    /// Returns the store of all users' tokens.
    fn admin_tokens(&self) -> Arc<dyn AdminTokenStore>;
    /// Returns the store of rate limits.
    fn rate_limits(&self) -> Arc<dyn RateLimitStore>;
    /// Sets the password of an existing user.
    async fn put_password(&self, user: UserId, hash: &PasswordHash);
}

/// A [`Harness`] of a store whose rows can be damaged in spite of its constraints.
#[async_trait]
pub trait DamageHarness: AccountHarness + WorkHarness {
    /// Runs an `UPDATE` with constraints disabled; they are enabled again afterwards.
    async fn damage(&self, statement: &str);
    /// Returns an SQL literal of an instant outside the permitted range.
    fn instant_past_every_rule(&self) -> &'static str;
}

/// Generates one test per case of the contract for damaged rows, like
/// [`token_store_contract!`](crate::token_store_contract).
#[macro_export]
macro_rules! damaged_row_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            damage {
                hides_no_other_token
                in_mere_details_counts_as_absent
                is_revoked_without_being_decoded
                is_revoked_in_bulk
                is_reported
                ends_with_its_run_or_user
                is_withdrawn
                is_an_undecoded_event
                is_a_work_item_beside_others
                is_not_a_name_of_earlier_rules
            }
            damage_ends {
                a_work_item_by_a_person_only
                a_token_of_unknown_kind_or_owner
                everything_of_a_deleted_user
                no_other_row
            }
        }
    };
}

/// Generates one test per case of the token store's contract, with the given test attributes. The
/// expression creates the harness around an empty store and may contain `.await`.
#[macro_export]
macro_rules! token_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            lookup {
                finds_the_token_with_its_digest_and_owner
                finds_nothing_for_an_unknown_digest
                returns_the_current_owner
                lists_live_and_expired_newest_first
                lists_what_the_filter_matches_page_by_page
                gets_only_tokens_of_the_owner
            }
            listing {
                pages_in_every_order_both_ways
                finds_a_part_of_a_name
                shows_where_a_token_was_created_and_used
            }
            create {
                keeps_every_field
                counts_only_live_tokens_of_the_owner
                enforces_the_quota_exactly_under_64_creations
                counts_tokens_of_24_hours_in_every_status
                enforces_the_rate_exactly_under_64_creations
                rejects_an_actor_that_is_no_longer_valid
                never_writes_after_its_actor_was_revoked
                rejects_a_duplicate_id_or_digest
            }
            revoke {
                leaves_a_tombstone
                succeeds_once
                succeeds_once_of_32_concurrent_calls
                removes_an_expired_token_from_the_list
                finds_no_token_of_another_user
                rejects_an_actor_that_is_no_longer_valid
                lets_a_token_revoke_itself
            }
            rotate {
                revokes_the_old_token_and_creates_the_new_one_in_one_step
                keeps_the_old_token_live_during_the_overlap
                rejects_tokens_that_cannot_be_rotated
                enforces_the_quota
                enforces_the_rate
                rejects_an_actor_that_is_no_longer_valid
                creates_one_successor_of_16_concurrent_calls
                succeeds_or_loses_against_a_concurrent_revocation
            }
            maintenance {
                records_the_latest_use
                records_thousands_of_uses_in_one_batch
                purges_what_ended_before_the_horizon
                purges_in_batches
            }
            owners {
                are_added_and_updated
                get_tokens_on_their_behalf
                are_suspended_with_their_runs
                stay_suspended_until_they_are_unsuspended
                are_checked_in_each_change
                get_no_token_after_their_suspension
                have_an_exact_quota
            }
            audit {
                records_each_change_unchanged
                is_written_with_its_change_or_not_at_all
                is_filtered_and_paged
                shows_what_involves_a_user_in_both_directions
                names_users_and_tokens
                accepts_an_event_without_a_change
            }
        }
    };
}

/// Generates one test per case of the contract of a store of accounts, like
/// [`token_store_contract!`](crate::token_store_contract).
#[macro_export]
macro_rules! account_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            users {
                creates_the_first_admin_with_token_and_event
                creates_nothing_when_there_is_a_user
                creates_one_first_admin_of_16_concurrent_calls
                pages_through_all_users_in_order
                are_found_by_a_part_of_name_or_address
                are_listed_with_their_tokens_and_when_they_were_seen
                are_paged_in_every_order
                finds_by_id_and_by_any_spelling_of_the_address
                shows_notices_until_they_are_dismissed
            }
            change_user {
                suspends_and_ends_sessions_in_one_step
                ends_the_agent_runs_of_a_suspended_user
                unsuspends_and_changes_roles
                does_nothing_when_repeated
                lets_users_change_their_own_name
                withdraws_invites_for_a_new_address
                keeps_the_last_active_admin
                keeps_one_admin_of_two_that_demote_each_other
                rejects_an_actor_that_is_no_longer_valid
            }
            delete_user {
                ends_everything_of_the_user_in_one_step
                frees_the_address_and_erases_personal_data
                rejects_the_caller_the_last_admin_and_deleted_users
                rejects_the_users_credentials_afterwards
                rejects_an_actor_that_is_no_longer_valid
                is_written_with_its_events_or_not_at_all
                keeps_one_admin_of_two_that_delete_each_other
                leaves_nothing_that_raced_it
                changes_an_address_and_records_both
                rejects_an_address_that_is_taken
                gives_one_address_to_one_user
            }
            account_owners {
                are_their_users
                can_be_acted_for
                without_an_account_create_neither_invites_nor_links
            }
            sessions {
                keeps_every_field_and_finds_by_digest
                records_when_a_session_was_last_seen
                starts_none_for_a_password_that_was_changed
                ends_one_the_others_or_all
                changes_a_password_and_ends_the_other_sessions
                removes_a_password_of_a_user_who_has_one
                rejects_a_session_that_ended_in_the_meantime
                can_create_and_revoke_tokens
                purges_expired_sessions
            }
            sign_in_links {
                leave_a_notice_for_the_next_sign_in
                can_be_used_once
                can_be_used_once_of_16_concurrent_calls
                are_invalid_once_a_later_one_is_created
                are_invalid_after_a_new_password_and_after_a_suspension
                are_invalid_when_their_creator_is_no_administrator
                are_rejected_for_a_suspended_user
                are_created_by_operator_and_administrators_only
            }
            forms {
                create_once
                create_once_of_16_concurrent_calls
                are_not_used_up_by_a_failed_change
                are_purged_in_time
            }
            invites {
                keep_every_field
                replace_earlier_ones_for_the_same_address
                are_rejected_for_an_address_with_an_account
                are_withdrawn_once
                create_a_user_with_password_session_and_token
                create_one_user_of_64_concurrent_claims
                create_the_first_admin_only_while_there_is_no_user
                for_the_first_admin_are_withdrawn_when_there_is_one
                cannot_be_claimed_when_their_creator_is_no_administrator
                reject_an_actor_that_is_no_longer_valid
                have_their_address_as_the_name_until_their_user_is_deleted
            }
            admin_tokens {
                shows_why_a_token_was_revoked
                matches_what_the_filter_matches
                pages_newest_first_with_owners
                revokes_all_in_one_step
                revokes_only_what_the_filter_matches
                includes_tokens_that_are_created_concurrently
                rejects_an_actor_that_is_no_longer_valid
                reports_affect_live_tokens_only
                ends_the_agent_runs_of_revoked_tokens
                counts_everything
            }
            review {
                finds_tokens_by_their_ids
                revokes_exactly_what_was_reviewed_or_nothing
                revokes_more_than_a_page_only_after_a_review
                stays_exact_while_tokens_come_and_go
            }
            rate_limits {
                count_to_the_limit_and_start_again
                count_for_all_limits_or_for_none
                count_exactly_under_64_concurrent_attempts
            }
        }
    };
}

/// Generates one test per case of the contract of a store of agent runs, like
/// [`token_store_contract!`](crate::token_store_contract).
#[macro_export]
macro_rules! agent_run_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            agent_runs {
                keep_every_field
                expire_with_their_issuer
                end_themselves_once
                have_their_own_quota
                have_their_own_rate
                are_started_once_by_a_form
                are_not_bound_to_a_missing_work_item
                reject_an_actor_that_is_no_longer_valid
                are_ended_once
                are_ended_together_and_no_others
                are_paged_newest_first
                are_those_that_match_the_filter
                are_listed_with_the_events_that_ended_them
                end_with_the_revocation_of_their_issuer
                end_with_the_rotation_of_their_issuer
                never_outlive_a_revocation_that_they_race
                are_purged_in_time
            }
        }
    };
}

/// Generates one test per case of the contract of a store of work items, like
/// [`token_store_contract!`](crate::token_store_contract).
#[macro_export]
macro_rules! work_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            work_items {
                keeps_every_field
                counts_within_the_domain_and_within_the_parent
                never_reuses_a_number
                is_created_once_by_a_form
                rejects_invalid_items
                matches_what_the_filter_matches
                pages_newest_first
                searches_in_any_case_and_without_wildcards
                searches_find_every_part_of_a_text
                orders_the_queue_by_urgency_and_age
                omits_a_claim_whose_run_has_ended
            }
            work_item_changes {
                are_written_and_audited
                do_nothing_when_repeated
                are_rejected_for_another_version
                reject_forbidden_changes
                by_a_person_exclude_agents
                assign_only_active_users
                by_an_owner_without_an_account_are_denied_where_they_name_the_author
                reject_an_actor_that_is_no_longer_valid
                end_the_runs_bound_to_a_resolved_item
                end_the_runs_bound_to_a_deleted_item
                bind_no_run_to_a_resolved_item
                are_written_with_their_events_or_not_at_all
            }
            work_item_races {
                give_one_item_to_one_of_64_agents
                drain_500_items_with_16_agents
                give_each_new_item_its_own_number
                accept_one_of_16_edits_of_one_version
                leave_no_run_bound_to_a_completed_item
                let_no_run_write_after_its_end
            }
        }
    };
}

/// Generates one test per case of the contract of a store of accounts *and* work items, like
/// [`token_store_contract!`](crate::token_store_contract).
#[macro_export]
macro_rules! account_and_work_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            delete_user {
                puts_what_they_claimed_back_into_the_queue
            }
            agent_runs {
                are_started_by_a_session_with_a_token_of_its_user
            }
        }
    };
}

/// Implementation of the macros above; not for direct use.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_cases {
    ($(#[$attribute:meta])+ $harness:expr; ) => {};
    ($(#[$attribute:meta])+ $harness:expr; $module:ident { $($case:ident)+ } $($rest:tt)*) => {
        mod $module {
            #[allow(unused_imports, clippy::wildcard_imports, reason = "the harness may need any")]
            use super::*;
            $crate::contract_cases! { @each $module $(#[$attribute])+ $harness; $($case)+ }
        }
        $crate::contract_cases! { $(#[$attribute])+ $harness; $($rest)* }
    };
    (@each $module:ident $(#[$attribute:meta])+ $harness:expr; ) => {};
    (@each $module:ident $(#[$attribute:meta])+ $harness:expr; $case:ident $($rest:ident)*) => {
        $(#[$attribute])+
        async fn $case() {
            $crate::testing::contract::$module::$case(&$harness).await;
        }
        $crate::contract_cases! { @each $module $(#[$attribute])+ $harness; $($rest)* }
    };
}

/// The time of every request in the suite.
const NOW: Timestamp = fixtures::NOW;
/// A token's secret. New text must not contain one, but text stored under earlier rules is still
/// read.
const SECRET: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

/// Returns the acting token, number 0 of user 1, who owns all fixtures.
fn acting() -> Token {
    fixtures::token(0, NOW.saturating_add_seconds(-3600))
}

/// Inserts user 1 and their acting token.
async fn seed(harness: &dyn Harness) {
    harness.put_user(&fixtures::user(1)).await;
    harness.put_token(&acting(), &fixtures::digest(0)).await;
}

async fn put(harness: &dyn Harness, number: u64, token: &Token) {
    harness.put_token(token, &fixtures::digest(number)).await;
}

fn actor() -> Actor {
    Actor {
        credential: CredentialId::Token(acting().id),
        requirement: Requirement::HUMAN,
        now: NOW,
        form: None,
    }
}

/// Returns the creation of token `number`, with event `number`.
fn insertion(number: u64, quota: u32) -> CreateToken {
    let token = fixtures::token(number, NOW);
    CreateToken {
        actor: actor(),
        digest: fixtures::digest(number),
        quota,
        rate: CreationRate::DEFAULT_TOKENS,
        audit: fixtures::audit(number, NOW, TokenAction::CREATED, Subject::Token(token.id)),
        token,
    }
}

/// Returns the revocation of `token`, with event `event`.
fn revocation(token: TokenId, event: u64) -> RevokeToken {
    RevokeToken {
        actor: actor(),
        owner: fixtures::user(1).id,
        token,
        audit: fixtures::audit(event, NOW, TokenAction::REVOKED, Subject::Token(token)),
    }
}

/// Returns the rotation of `predecessor` to token `number`, with event `number`.
fn replacement(predecessor: TokenId, number: u64, end: PredecessorEnd) -> RotateToken {
    let mut successor = insertion(number, 100);
    successor.audit.action = TokenAction::ROTATED;
    successor.audit.subject = Subject::Token(predecessor);
    successor.audit.related = Some(Subject::Token(successor.token.id));
    RotateToken {
        predecessor,
        end,
        successor,
    }
}

/// Makes the acting token invalid in the store in the given way, and returns the actor that uses
/// it.
async fn invalidate_actor(harness: &dyn Harness, how: InvalidActor) -> Actor {
    let mut token = acting();
    let mut user = fixtures::user(1);
    let mut actor = actor();
    match how {
        InvalidActor::Revoked => token.revoked_at = Some(NOW),
        InvalidActor::Expired => token.expires_at = Some(NOW),
        InvalidActor::Suspended => user.suspended_at = Some(NOW),
        InvalidActor::Demoted => {
            user.role = Role::Member;
            actor.requirement = Requirement::HUMAN_ADMIN;
        }
        InvalidActor::Gone => actor.credential = CredentialId::Token(fixtures::token(99, NOW).id),
    }
    harness.put_user(&user).await;
    harness.put_token(&token, &fixtures::digest(0)).await;
    actor
}

#[derive(Debug, Clone, Copy)]
enum InvalidActor {
    Revoked,
    Expired,
    Suspended,
    Demoted,
    Gone,
}

impl InvalidActor {
    const ALL: [Self; 5] = [
        Self::Revoked,
        Self::Expired,
        Self::Suspended,
        Self::Demoted,
        Self::Gone,
    ];

    fn error(self) -> ActorError {
        match self {
            Self::Revoked => Rejection::Revoked { at: NOW }.into(),
            Self::Expired => Rejection::Expired { at: NOW }.into(),
            Self::Suspended => Rejection::OwnerSuspended.into(),
            Self::Demoted => Denial::InsufficientScope {
                required: Scope::Admin,
            }
            .into(),
            Self::Gone => Rejection::Unknown.into(),
        }
    }
}

async fn insert(harness: &dyn Harness, change: CreateToken) -> CreateTokenOutcome {
    harness
        .tokens()
        .create_token(change)
        .await
        .expect("the store works")
}

async fn find(harness: &dyn Harness, number: u64) -> Option<TokenRecord> {
    let (tokens, digest) = (harness.tokens(), fixtures::digest(number));
    let remembered = tokens.remembered(&digest).map(Arc::unwrap_or_clone);
    let found = tokens.find_by_digest(&digest).await;
    let found = found.expect("the store works").map(Arc::unwrap_or_clone);
    if let Some(remembered) = remembered {
        let found = found.as_ref().expect("a token that is remembered");
        let last_used_at = found.token.last_used_at;
        let token = Token {
            last_used_at,
            ..remembered.token
        };
        assert_eq!((&token, &remembered.owner), (&found.token, &found.owner));
    }
    found
}

async fn list(harness: &dyn Harness, owner: UserId) -> Vec<Token> {
    harness
        .tokens()
        .list(owner, &ListFilter::default(), NOW, None, 1_000)
        .await
        .expect("the store works")
        .to_vec()
}

async fn audit_log(harness: &dyn Harness) -> Vec<AuditEvent> {
    harness
        .audit()
        .events(&AuditFilter::default(), None, 1_000)
        .await
        .expect("the store works")
        .into_iter()
        .collect()
}

/// Gives user 1 a password and starts session `number` with it. Its digest and its event have that
/// number plus 1000.
async fn start_session(harness: &dyn AccountHarness, number: u64) {
    let hash = fixtures::password_hash(1);
    let user = fixtures::user(1).id;
    harness.put_password(user, &hash).await;
    let change = session_start(number, hash);
    let started = harness.sessions().start_session(change).await;
    assert_eq!(
        started.expect("the store works"),
        StartSessionOutcome::Started
    );
}

fn session_start(number: u64, verified: PasswordHash) -> StartSession {
    let session = fixtures::session(number);
    StartSession {
        digest: fixtures::digest(number + 1_000),
        verified,
        audit: fixtures::audit(
            number + 1_000,
            NOW,
            SessionAction::SIGNED_IN,
            Subject::User(session.user),
        ),
        session,
    }
}

/// Returns the actor that uses session `number` of user 1.
fn session_actor(number: u64) -> Actor {
    Actor {
        credential: CredentialId::Session(fixtures::session(number).id),
        requirement: Requirement::HUMAN,
        now: NOW,
        form: None,
    }
}
