//! The SQL that differs between the databases: expressions, locks, and the lists of tokens, whose
//! plans differ.

use openindex_domain::access::Actor;
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::agent_run::{DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{ListFilter, Seek, TokenId};
use openindex_domain::user::UserId;

use crate::statement::{Statement, Value};

/// A kind of token that a list reads.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// A condition on `t`.
    pub condition: &'static str,
    /// Whether almost all tokens are of this kind.
    pub is_common: bool,
}

/// A list of one owner's tokens; see [`TokenStore::list`](openindex_domain::token::TokenStore::list).
#[derive(Debug)]
pub struct TokenList<'a> {
    /// The owner.
    pub owner: UserId,
    /// Which tokens, and in which order.
    pub filter: &'a ListFilter,
    /// The time of the call.
    pub now: Timestamp,
    /// Where the page begins; `None` for the first.
    pub seek: Option<&'a Seek>,
    /// Maximum number of tokens.
    pub limit: u32,
    /// Whether to find the tokens by when they expire, and sort them, because they are few.
    pub by_expiry: bool,
}

/// A range of the tokens beyond a cursor, each of which is one of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// All tokens beyond the cursor, in the order of ids; without a cursor, all tokens.
    All,
    /// Those with the cursor's sort key.
    SameKey,
    /// Those with sort keys beyond the cursor's.
    OtherKeys,
}

/// A list of tokens of all owners, newest first; see
/// [`AdminTokenStore::tokens`](openindex_domain::admin_tokens::AdminTokenStore::tokens).
#[derive(Debug)]
pub struct MatchingTokens<'a> {
    /// Which tokens.
    pub filter: &'a TokenFilter,
    /// The time of the call.
    pub now: Timestamp,
    /// The token before the page; `None` for the first.
    pub after: Option<TokenId>,
    /// Maximum number of tokens; `None` for all.
    pub limit: Option<u32>,
    /// Whether to find the tokens by when they expire, and sort them, because they are few or all
    /// are needed.
    pub by_expiry: bool,
}

/// What a change locks before it reads, in the order of the variants. A database that runs one
/// change at a time has nothing to do.
///
/// A change that writes rows of users or owners has locked the owners before. Of one table, rows are
/// locked in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub enum Lock<'a> {
    /// Names, where there is no row to lock.
    Names(&'a [String]),
    /// The acting owner, and the owners, users included, whose records, credentials or links are
    /// changed. What is read of them afterwards stays true until the commit: every change of a
    /// personal token, a session, a sign-in link or a password locks these, and every change of a
    /// user writes them.
    Owners(Option<&'a Actor>, &'a [UserId]),
    /// All owners, existing or not, and so everything that [`Owners`](Self::Owners) protects. A
    /// change that takes this lock holds no other before it.
    AllOwners,
    /// The addresses of users against new users and invites.
    NewUsers,
    /// A work domain, against other changes that assign its next number. Creates the domain if it
    /// is new, unless the database creates it with its first item.
    WorkDomain(DomainKey),
    /// A work item against all other changes of it or of its parts, and against starting runs bound
    /// to it. Read the item in a later statement.
    WorkItem(WorkItemKey),
    /// A work item against all changes. Any number of runs can be bound to it at the same time.
    WorkItemShared(WorkItemKey),
    /// Tokens, and the runs that were started with them and may still end.
    TokensWithRuns(&'a [TokenId], Timestamp),
    /// The runs of a user that may still end.
    RunsOfOwner(UserId, Timestamp),
    /// Every unrevoked token and run of a user, expired ones included.
    TokensOfOwner(UserId),
    /// The runs that are bound to a work item and may still end, and the acting run, if the actor
    /// is one.
    RunsOfWorkItem(&'a Actor, Option<WorkItemKey>),
}

/// The SQL of a database that [`SqlStore`](crate::SqlStore) can use.
///
/// Parameters are `$1` to `$n`. Times are columns that [`Value::Time`](crate::Value::Time) can be
/// bound to and [`Row::millis`](crate::Row::millis) can read.
pub trait Dialect: Sized {
    /// An expression for when the token `t` expires, with a time after all others for never. An
    /// index has it.
    const EXPIRES_AT: &'static str;
    /// Locks the rows that a statement reads, and skips those that are locked.
    const SKIP_LOCKED: &'static str;
    /// An expression for when the token `t` was last used, with a time before all others for never.
    const LAST_USED_AT: &'static str;
    /// An expression for when the user `u` was last seen, in milliseconds since 1970; -1 for never.
    /// Sessions, tokens and the audit log say it; an index finds the latest of each.
    const SEEN_AT: &'static str;
    /// Whether changes run at the same time, so that facts have to be read again under locks.
    const HAS_CONCURRENT_CHANGES: bool;

    /// Maximum number of rows in one statement.
    const MAX_ROWS: usize;

    /// The function that returns where in a text another begins, or 0.
    const POSITION: &'static str;
    /// What follows a text so that only ASCII letters have a case.
    const ASCII: &'static str;

    /// Returns a condition that the column is one of the [`Value::Uuids`](crate::Value::Uuids) or
    /// [`Value::Digests`](crate::Value::Digests).
    fn any(column: &str, placeholder: &str) -> String;

    /// Returns a condition that the column is one of the [`Value::Texts`](crate::Value::Texts).
    #[must_use]
    fn any_text(column: &str, placeholder: &str) -> String {
        Self::any(column, placeholder)
    }

    /// Returns the end of a statement that locks the rows it reads from this table.
    #[must_use]
    fn for_update(_table: &str) -> String {
        String::new()
    }

    /// Returns the hint to read the table from this index, if the database needs one.
    #[must_use]
    fn hint(_index: &'static str) -> String {
        String::new()
    }

    /// Returns a condition that what precedes it is in the result of the query, which is run once.
    #[must_use]
    fn in_list(query: &str) -> String {
        format!("IN ({query})")
    }

    /// Returns a condition that the parameter is the owner of the token `t`, of whom any number of
    /// tokens is listed.
    #[must_use]
    fn owner_is(placeholder: &str) -> String {
        format!("t.owner_id = {placeholder}")
    }

    /// Returns a condition that the run `t` expires after the parameter.
    #[must_use]
    fn run_expires_after(placeholder: &str) -> String {
        format!("t.expires_at > {placeholder}")
    }

    /// Returns a condition that the text contains the parameter.
    #[must_use]
    fn contains(text: &str, placeholder: &str) -> String {
        format!("{}({text}, {placeholder}) > 0", Self::POSITION)
    }

    /// Returns whether the index of searches finds this term. It has no terms that are too short.
    fn is_indexed(term: &str) -> bool;

    /// Adds the work items `w` whose text may contain all of these terms, one at least, to a FROM
    /// clause. They are found in the index of searches.
    fn push_candidates(query: &mut Statement, terms: &[&str]);

    /// Returns the text with its ASCII letters in lower case.
    #[must_use]
    fn lower(text: &str) -> String {
        format!("lower({text}{})", Self::ASCII)
    }

    /// Appends a query that returns these rows, one at least and [`MAX_ROWS`](Self::MAX_ROWS) at
    /// most. The columns are called `column1` to `columnN`.
    fn push_rows<T, const N: usize>(
        query: &mut Statement,
        rows: &[T],
        values: impl Fn(&T) -> [Value; N],
    );

    /// Returns the statements that take a lock until the end of the transaction, in a store with
    /// accounts or without. None are required if changes do not run at the same time.
    #[must_use]
    fn lock(_lock: Lock<'_>, _has_accounts: bool) -> Vec<Statement> {
        Vec::new()
    }

    /// Adds a query for the tokens of this kind in a range of a list, which costs the same however
    /// many tokens there are and have ended.
    fn push_listed(query: &mut Statement, kind: Kind, range: Beyond, list: &TokenList<'_>);

    /// Adds a query for owned tokens of this kind.
    fn push_matching(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>);

    /// Adds a query for the ids and kinds of matching tokens of this kind, in any order.
    fn push_matching_ids(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>);
}
