//! The contract suite: what every store must do, as tests that a store outside this workspace can
//! run too. Each case is a function of a [`Harness`] around an empty store.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics exactly when the store breaks its promise"
)]

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{Actor, ActorError, CredentialId, Denial, Requirement};
use crate::admin_tokens::AdminTokenStore;
use crate::agent_run::AgentRunStore;
use crate::audit::{AuditAction, AuditEvent, AuditFilter, AuditStore, Subject};
use crate::clock::Timestamp;
use crate::invite::InviteStore;
use crate::rate_limit::RateLimitStore;
use crate::session::{SessionStore, StartSession, StartSessionOutcome};
use crate::testing::fixtures;
use crate::token::{
    CreateToken, CreateTokenOutcome, CreationRate, Digest, ListFilter, PredecessorEnd, Rejection,
    RevokeToken, RotateToken, Scope, Token, TokenId, TokenRecord, TokenStore,
};
use crate::user::{PasswordHash, Role, User, UserId, UserStore};
use crate::work_item::{WorkItem, WorkItemStore};

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

/// An empty store under test, and the two ways in which a test begins with something in it.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The store.
    fn tokens(&self) -> Arc<dyn TokenStore>;
    /// Its trail.
    fn audit(&self) -> Arc<dyn AuditStore>;
    /// Inserts a user, or replaces the one with the same id.
    async fn put_user(&self, user: &User);
    /// Inserts a token past every rule.
    async fn put_token(&self, token: &Token, digest: &Digest);
}

/// A [`Harness`] of a store that keeps agent runs as well.
#[async_trait]
pub trait AgentRunHarness: Harness {
    /// The store of agent runs.
    fn agent_runs(&self) -> Arc<dyn AgentRunStore>;
}

/// A [`Harness`] of a store that keeps work items as well.
#[async_trait]
pub trait WorkHarness: AgentRunHarness {
    /// The store of work items.
    fn work_items(&self) -> Arc<dyn WorkItemStore>;
    /// Inserts a work item past every rule, or replaces the one with the same key. The next number
    /// of its domain is greater than its own.
    async fn put_work_item(&self, item: &WorkItem);
}

/// A [`Harness`] of a store that keeps accounts as well.
#[async_trait]
pub trait AccountHarness: Harness {
    /// The store of users.
    fn users(&self) -> Arc<dyn UserStore>;
    /// The store of browser sessions.
    fn sessions(&self) -> Arc<dyn SessionStore>;
    /// The store of invites.
    fn invites(&self) -> Arc<dyn InviteStore>;
    /// The store as a whole.
    fn admin_tokens(&self) -> Arc<dyn AdminTokenStore>;
    /// The store of attempts.
    fn rate_limits(&self) -> Arc<dyn RateLimitStore>;
    /// Gives a user that is there a password.
    async fn put_password(&self, user: UserId, hash: &PasswordHash);
}

/// A [`Harness`] of a store that can be damaged past its constraints.
#[async_trait]
pub trait DamageHarness: AccountHarness + WorkHarness {
    /// Runs an `UPDATE` that no constraint stops. Later statements meet the constraints again.
    async fn damage(&self, statement: &str);
    /// SQL for an instant that no column may hold.
    fn instant_past_every_rule(&self) -> &'static str;
}

/// Makes one test of each case of what a store does with damaged rows, as
/// [`token_store_contract!`](crate::token_store_contract) does.
#[macro_export]
macro_rules! damaged_row_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            damage {
                hides_no_other_token
                of_what_decides_nothing_is_absent
                is_revoked_without_being_read
                is_revoked_in_bulk
                is_reported
                ends_with_its_run_or_user
                is_withdrawn
                is_an_event_as_it_is
                is_a_work_item_beside_others
                is_not_a_name_of_another_rule
            }
            damage_ends {
                a_work_item_by_a_person_alone
                a_token_of_no_known_kind_or_owner
                what_is_a_deleted_users
                no_other_row
            }
        }
    };
}

/// Makes one test of each case of the token store's contract, with the given test attributes. The
/// expression makes the harness around an empty store, and may await.
#[macro_export]
macro_rules! token_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            lookup {
                finds_the_token_with_its_digest_and_owner
                finds_nothing_for_a_digest_that_is_not_there
                answers_the_owner_as_they_are_now
                lists_live_and_expired_newest_first
                lists_what_the_filter_matches_page_by_page
                gets_only_what_the_owner_has
            }
            listing {
                goes_through_every_order_both_ways
                finds_a_part_of_a_name
                tells_where_a_token_was_created_and_used
            }
            create {
                keeps_every_field
                counts_only_live_tokens_of_the_owner
                holds_the_quota_exactly_under_64_creates
                counts_tokens_of_24_hours_whatever_became_of_them
                holds_the_rate_exactly_under_64_creates
                refuses_an_actor_that_is_no_longer_good
                never_writes_after_its_actor_was_revoked
                refuses_an_id_or_digest_that_exists
            }
            revoke {
                leaves_a_tombstone
                counts_once_however_often
                counts_once_of_32_at_the_same_time
                takes_an_expired_token_off_the_list
                finds_nothing_of_someone_else
                refuses_an_actor_that_is_no_longer_good
                lets_a_token_revoke_itself
            }
            rotate {
                ends_the_old_and_inserts_the_new_at_once
                keeps_the_old_for_its_overlap
                refuses_what_cannot_be_rotated
                holds_the_quota
                holds_the_rate
                refuses_an_actor_that_is_no_longer_good
                makes_one_successor_of_16_at_the_same_time
                racing_a_revocation_one_of_them_wins
            }
            maintenance {
                notes_the_latest_use
                notes_thousands_of_uses_in_one_batch
                purges_what_ended_before_the_horizon
                purges_in_batches
            }
            audit {
                tells_of_each_change_as_it_was_given
                and_change_come_together_or_not_at_all
                is_filtered_and_paged
                shows_what_involves_a_user_in_both_directions
                takes_an_event_that_comes_alone
            }
        }
    };
}

/// Makes one test of each case of the contract of a store of accounts, as
/// [`token_store_contract!`](crate::token_store_contract) does.
#[macro_export]
macro_rules! account_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            users {
                creates_the_first_admin_with_token_and_trail
                creates_nothing_when_somebody_is_there
                creates_one_first_admin_of_16_at_the_same_time
                pages_through_everybody_in_order
                are_found_by_a_part_of_name_or_address
                are_listed_with_their_tokens_and_when_they_were_seen
                are_paged_in_every_order
                finds_by_id_and_by_any_spelling_of_the_address
                tells_notices_until_they_are_dismissed
            }
            change_user {
                suspends_and_ends_sessions_in_one_step
                ends_the_agent_runs_of_whom_it_suspends
                lifts_and_changes_roles
                changes_nothing_twice
                changes_a_name_for_its_own_user
                withdraws_invites_for_a_new_address
                keeps_the_last_active_admin
                keeps_one_admin_of_two_that_demote_each_other
                refuses_an_actor_that_is_no_longer_good
            }
            delete_user {
                ends_everything_of_theirs_in_one_step
                frees_the_address_and_erases_what_held_it
                refuses_oneself_the_last_admin_and_the_deleted
                lets_nothing_of_theirs_write_afterwards
                refuses_an_actor_that_is_no_longer_good
                and_its_trail_come_together_or_not_at_all
                keeps_one_admin_of_two_that_delete_each_other
                leaves_nothing_that_raced_it
                changes_an_address_and_leaves_both_in_the_trail
                refuses_an_address_that_is_taken
                gives_one_address_to_one_user
            }
            sessions {
                keeps_every_field_and_finds_by_digest
                notes_the_latest_sight
                starts_none_for_a_password_that_was_changed
                ends_one_the_others_or_all
                changes_a_password_and_ends_the_other_sessions
                refuses_a_session_that_was_ended_in_between
                acts_for_tokens_as_a_token_does
                forgets_what_is_over
            }
            sign_in_links {
                leave_a_notice_for_the_next_sign_in
                open_an_account_once
                open_an_account_once_of_16_at_the_same_time
                are_void_when_a_later_one_is_made
                are_void_after_a_new_password_and_after_a_suspension
                open_nothing_when_their_maker_ceased_to_administer
                are_refused_for_a_suspended_user
                are_made_by_whoever_may
            }
            forms {
                create_once
                create_once_of_16_at_the_same_time
                are_not_used_up_by_a_change_that_is_not_made
                are_forgotten_in_time
            }
            invites {
                keep_every_field
                replace_earlier_ones_for_the_same_address
                are_refused_for_an_address_with_an_account
                are_withdrawn_once
                make_a_user_with_password_session_and_token
                make_one_user_of_64_claims_at_the_same_time
                make_the_first_admin_only_while_nobody_is_there
                for_the_first_admin_are_withdrawn_when_there_is_one
                make_nobody_when_their_maker_ceased_to_administer
                refuse_an_actor_that_is_no_longer_good
            }
            admin_tokens {
                tells_why_a_token_was_revoked
                matches_what_the_filter_matches
                pages_newest_first_with_owners
                revokes_all_in_one_step
                revokes_only_what_the_filter_wants
                lets_no_token_escape_that_is_issued_meanwhile
                refuses_an_actor_that_is_no_longer_good
                takes_reports_of_live_tokens_alone
                ends_the_agent_runs_of_what_it_revokes
                counts_everything
            }
            review {
                finds_tokens_by_their_ids
                revokes_exactly_what_was_reviewed_or_nothing
                revokes_more_than_a_page_only_after_a_review
                holds_while_tokens_come_and_go
            }
            rate_limits {
                count_to_the_limit_and_start_again
                count_in_all_buckets_or_in_none
                count_exactly_under_64_at_the_same_time
            }
        }
    };
}

/// Makes one test of each case of the contract of a store of agent runs, as
/// [`token_store_contract!`](crate::token_store_contract) does.
#[macro_export]
macro_rules! agent_run_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            agent_runs {
                keep_every_field
                end_with_the_time_of_their_issuer
                hold_a_quota_of_their_own
                hold_a_rate_of_their_own
                are_started_once_by_a_form
                are_not_bound_to_nothing
                refuse_an_actor_that_is_no_longer_good
                are_ended_once
                are_ended_together_and_no_others
                are_paged_newest_first
                are_those_that_the_filter_wants
                are_told_of_by_what_ended_them
                end_with_the_revocation_of_their_issuer
                end_with_the_rotation_of_their_issuer
                never_outlive_a_revocation_that_they_race
                are_forgotten_in_time
            }
        }
    };
}

/// Makes one test of each case of the contract of a store of work items, as
/// [`token_store_contract!`](crate::token_store_contract) does.
#[macro_export]
macro_rules! work_store_contract {
    ($(#[$attribute:meta])+ $harness:expr) => {
        $crate::contract_cases! { $(#[$attribute])+ $harness;
            work_items {
                keeps_every_field
                counts_within_the_domain_and_within_the_parent
                never_gives_a_number_twice
                is_created_once_by_a_form
                refuses_what_cannot_be_made
                matches_what_the_filter_matches
                pages_newest_first
                searches_in_any_case_and_without_wildcards
                orders_the_queue_by_urgency_and_age
                leaves_out_a_claim_whose_run_is_over
            }
            work_item_changes {
                write_what_they_decide_and_leave_a_trail
                change_nothing_twice
                are_refused_for_another_version
                refuse_what_cannot_be
                of_a_person_keep_agents_away
                assign_only_who_is_there
                refuse_an_actor_that_is_no_longer_good
                end_the_runs_that_are_bound_to_what_is_resolved
                end_the_runs_that_are_bound_to_what_is_deleted
                bind_no_run_to_what_is_resolved
                and_their_trail_come_together_or_not_at_all
            }
            work_item_races {
                give_one_item_to_one_of_64_agents
                drain_500_items_with_16_agents
                give_each_new_item_a_number_of_its_own
                take_one_of_16_edits_of_one_version
                leave_no_run_bound_to_a_completed_item
                let_no_run_write_after_its_end
            }
        }
    };
}

/// Makes one test of each case of the contract of a store of accounts *and* work items, as
/// [`token_store_contract!`](crate::token_store_contract) does.
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

/// Not for direct use: the repetition behind the macros above.
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
/// A token's secret. No new text may have one, but what was stored before that rule is still read.
const SECRET: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

/// The token that acts, number 0, owned by user 1 as all fixtures are.
fn acting() -> Token {
    fixtures::token(0, NOW.saturating_add_seconds(-3600))
}

/// Puts user 1 and their acting token in place.
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

/// The insertion of token `number`, whose trail is event `number`.
fn insertion(number: u64, quota: u32) -> CreateToken {
    let token = fixtures::token(number, NOW);
    CreateToken {
        actor: actor(),
        digest: fixtures::digest(number),
        quota,
        rate: CreationRate::DEFAULT_TOKENS,
        audit: fixtures::audit(
            number,
            NOW,
            AuditAction::TokenCreated,
            Subject::Token(token.id),
        ),
        token,
    }
}

/// The revocation of `token`, whose trail is event `event`.
fn revocation(token: TokenId, event: u64) -> RevokeToken {
    RevokeToken {
        actor: actor(),
        owner: fixtures::user(1).id,
        token,
        audit: fixtures::audit(event, NOW, AuditAction::TokenRevoked, Subject::Token(token)),
    }
}

/// The rotation of `predecessor` to token `number`, whose trail is event `number`.
fn replacement(predecessor: TokenId, number: u64, end: PredecessorEnd) -> RotateToken {
    let mut successor = insertion(number, 100);
    successor.audit.action = AuditAction::TokenRotated;
    successor.audit.subject = Subject::Token(predecessor);
    successor.audit.related = Some(Subject::Token(successor.token.id));
    RotateToken {
        predecessor,
        end,
        successor,
    }
}

/// The ways in which an acting token ceases to be good, each brought about in the store.
async fn spoil_actor(harness: &dyn Harness, how: Spoiled) -> Actor {
    let mut token = acting();
    let mut user = fixtures::user(1);
    let mut actor = actor();
    match how {
        Spoiled::Revoked => token.revoked_at = Some(NOW),
        Spoiled::Expired => token.expires_at = Some(NOW),
        Spoiled::Suspended => user.suspended_at = Some(NOW),
        Spoiled::Demoted => {
            user.role = Role::Member;
            actor.requirement = Requirement::HUMAN_ADMIN;
        }
        Spoiled::Gone => actor.credential = CredentialId::Token(fixtures::token(99, NOW).id),
    }
    harness.put_user(&user).await;
    harness.put_token(&token, &fixtures::digest(0)).await;
    actor
}

#[derive(Debug, Clone, Copy)]
enum Spoiled {
    Revoked,
    Expired,
    Suspended,
    Demoted,
    Gone,
}

impl Spoiled {
    const ALL: [Self; 5] = [
        Self::Revoked,
        Self::Expired,
        Self::Suspended,
        Self::Demoted,
        Self::Gone,
    ];

    fn refusal(self) -> ActorError {
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
        .expect("the store answers")
}

async fn find(harness: &dyn Harness, number: u64) -> Option<TokenRecord> {
    let digest = fixtures::digest(number);
    let found = harness.tokens().find_by_digest(&digest).await;
    found.expect("the store answers").map(Arc::unwrap_or_clone)
}

async fn list(harness: &dyn Harness, owner: UserId) -> Vec<Token> {
    harness
        .tokens()
        .list(owner, &ListFilter::default(), NOW, None, 1_000)
        .await
        .expect("the store answers")
        .to_vec()
}

async fn trail(harness: &dyn Harness) -> Vec<AuditEvent> {
    harness
        .audit()
        .events(&AuditFilter::default(), None, 1_000)
        .await
        .expect("the store answers")
        .into_iter()
        .collect()
}

/// Gives user 1 a password and starts session `number` with it, whose digest is that of the same
/// number plus 1000 and whose trail is event `number` plus 1000.
async fn start_session(harness: &dyn AccountHarness, number: u64) {
    let hash = fixtures::password_hash(1);
    let user = fixtures::user(1).id;
    harness.put_password(user, &hash).await;
    let change = session_start(number, hash);
    let started = harness.sessions().start_session(change).await;
    assert_eq!(
        started.expect("the store answers"),
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
            AuditAction::SignedIn,
            Subject::User(session.user),
        ),
        session,
    }
}

/// Acts with session `number` of user 1.
fn session_actor(number: u64) -> Actor {
    Actor {
        credential: CredentialId::Session(fixtures::session(number).id),
        requirement: Requirement::HUMAN,
        now: NOW,
        form: None,
    }
}
