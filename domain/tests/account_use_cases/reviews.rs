//! A bulk revocation revokes exactly what was reviewed, or nothing, whatever happens in between.

use std::collections::BTreeSet;

use openindex_domain::access::Principal;
use openindex_domain::admin_tokens::{
    AdminTokenError, AdminTokenStore as _, MAX_UNREVIEWED, Review, ReviewDigest, TokenFilter,
};
use openindex_domain::token::{
    Expiry, NewToken, Overlap, RequestedExpiry, RotationOptions, Scope, Status, TokenWithSecret,
};
use openindex_domain::token::{Lifetime, TokenId};
use openindex_domain::user::Role;
use proptest::prelude::*;

use crate::world::{World, context, session_of, token_name};

/// The number of tokens per page, chosen so that most reviews have several pages.
const PAGE: u32 = 3;

/// A step of a random sequence, each with a number that selects the token, filter or review.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create,
    Delete,
    Use,
    Rotate,
    Wait,
    StartReview,
    TurnPage,
    Revoke,
}

fn steps() -> impl Strategy<Value = Vec<(Step, u8)>> {
    let step = prop_oneof![
        4 => Just(Step::Create),
        1 => Just(Step::Delete),
        1 => Just(Step::Use),
        1 => Just(Step::Rotate),
        1 => Just(Step::Wait),
        2 => Just(Step::StartReview),
        4 => Just(Step::TurnPage),
        4 => Just(Step::Revoke),
    ];
    proptest::collection::vec((step, any::<u8>()), 1..80)
}

/// An administrator who reads all pages of a review.
struct Reviewing {
    filter: TokenFilter,
    digest: ReviewDigest,
    seen: Vec<TokenId>,
    next: Option<TokenId>,
    /// Whether a page had another digest, so that the review would have to start again.
    has_changed: bool,
}

impl Reviewing {
    fn is_complete(&self) -> bool {
        self.next.is_none() && !self.has_changed
    }
}

struct Play {
    world: World,
    grace: Principal,
    issued: Vec<TokenWithSecret>,
    reviews: Vec<Reviewing>,
    /// How many revocations revoked something, and how many were outdated.
    done: (usize, usize),
}

impl Play {
    async fn new() -> Self {
        let world = World::new().await;
        let grace = world.join(Role::Member).await;
        Self {
            grace: world.principal(session_of(&grace)).await.expect("in"),
            world,
            issued: Vec::new(),
            reviews: Vec::new(),
            done: (0, 0),
        }
    }

    fn chosen<T>(of: &mut [T], number: u8) -> Option<&mut T> {
        let count = of.len().max(1);
        of.get_mut(usize::from(number) % count)
    }

    fn filter(&self, number: u8) -> TokenFilter {
        let none = TokenFilter::default();
        let now = self.world.all.tokens.now();
        match number % 5 {
            0 => TokenFilter {
                owner: Some(self.grace.user_id()),
                ..none
            },
            1 => TokenFilter {
                status: Some(Status::Live),
                ..none
            },
            2 => TokenFilter {
                status: Some(Status::Expired),
                ..none
            },
            3 => TokenFilter {
                unused_since: Some(now),
                ..none
            },
            _ => TokenFilter {
                expiring_before: Some(now.saturating_add_seconds(60)),
                ..none
            },
        }
    }

    /// Returns all unrevoked tokens.
    async fn unrevoked(&self) -> BTreeSet<TokenId> {
        let now = self.world.all.tokens.now();
        let filter = TokenFilter::default();
        let ids = self.world.all.store.matching_ids(&filter, now);
        ids.await.expect("the store works").into_iter().collect()
    }

    async fn step(&mut self, step: Step, number: u8) {
        let all = &self.world.all;
        match step {
            Step::Create => {
                let lifetime = Lifetime::from_seconds(60).expect("a minute");
                let request = NewToken::new(
                    token_name("ci"),
                    Scope::ReadWrite,
                    if number.is_multiple_of(2) {
                        RequestedExpiry::from(lifetime)
                    } else {
                        Expiry::Never.into()
                    },
                );
                let issued = all.tokens.create(&self.grace, request, context()).await;
                self.issued.push(issued.expect("issued"));
            }
            Step::Delete => {
                if let Some(issued) = Self::chosen(&mut self.issued, number) {
                    let id = issued.token.id;
                    // It may have been revoked before.
                    let _ = all.tokens.revoke(&self.grace, id, context()).await;
                }
            }
            Step::Use => {
                if let Some(issued) = Self::chosen(&mut self.issued, number) {
                    let _ = all.tokens.verify(issued.secret.expose()).await;
                    all.tokens.flush_last_used().await.expect("recorded");
                }
            }
            Step::Rotate => {
                if let Some(issued) = Self::chosen(&mut self.issued, number) {
                    let rotation = RotationOptions {
                        expires: None,
                        overlap: Overlap::from_seconds(i64::from(number % 2) * 30).expect("short"),
                    };
                    let id = issued.token.id;
                    let rotated = all
                        .tokens
                        .rotate(&self.grace, id, rotation, context())
                        .await;
                    self.issued.extend(rotated.ok());
                }
            }
            Step::Wait => all.clock.advance_seconds(i64::from(number % 40)),
            Step::StartReview => self.start_review(number).await,
            Step::TurnPage => self.turn_page(number).await,
            Step::Revoke => self.revoke(number).await,
        }
    }

    async fn start_review(&mut self, number: u8) {
        let (filter, admin_tokens) = (self.filter(number), &self.world.all.admin_tokens);
        let page = admin_tokens
            .review(&self.world.admin, &filter, None, PAGE)
            .await;
        let page = page.expect("a page");
        self.reviews.push(Reviewing {
            filter,
            digest: page.review.digest,
            seen: page.tokens.iter().map(|owned| owned.token.id).collect(),
            next: page.next,
            has_changed: false,
        });
    }

    async fn turn_page(&mut self, number: u8) {
        let admin_tokens = &self.world.all.admin_tokens;
        let Some(review) = Self::chosen(&mut self.reviews, number) else {
            return;
        };
        if review.next.is_none() {
            return;
        }
        let page = admin_tokens.review(&self.world.admin, &review.filter, review.next, PAGE);
        let page = page.await.expect("a page");
        review.has_changed |= page.review.digest != review.digest;
        review
            .seen
            .extend(page.tokens.iter().map(|owned| owned.token.id));
        review.next = page.next;
    }

    async fn revoke(&mut self, number: u8) {
        let before = self.unrevoked().await;
        let admin_tokens = &self.world.all.admin_tokens;
        let Some(review) = Self::chosen(&mut self.reviews, number) else {
            return;
        };
        let (filter, expected) = (review.filter.clone(), Some(review.digest));
        let revoked = admin_tokens.revoke_matching(&self.world.admin, &filter, expected, context());
        let revoked = revoked.await;
        let ended: BTreeSet<TokenId> = &before - &self.unrevoked().await;
        let ids = ended.iter().copied();
        match revoked {
            Ok(revoked) => {
                let told: BTreeSet<TokenId> =
                    revoked.tokens.iter().map(|owned| owned.token.id).collect();
                assert_eq!(ended, told, "exactly the reported tokens ended");
                let review = &self.reviews[usize::from(number) % self.reviews.len()];
                assert_eq!(Review::of(ids).digest, review.digest, "exactly those");
                if review.is_complete() {
                    let seen: BTreeSet<TokenId> = review.seen.iter().copied().collect();
                    assert_eq!(ended, seen, "each of them was on a page");
                }
                self.done.0 += usize::from(!ended.is_empty());
            }
            Err(AdminTokenError::ReviewOutdated(current)) => {
                assert!(ended.is_empty(), "nothing: {ended:?}");
                assert_ne!(Some(current.digest), expected);
                self.done.1 += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn play(steps: &[(Step, u8)]) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let mut play = Play::new().await;
        for (step, number) in steps {
            play.step(*step, *number).await;
        }
        play.done
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn exactly_the_reviewed_tokens_are_revoked_or_none(steps in steps()) {
        play(&steps);
    }
}

#[test]
fn the_property_covers_both_outcomes() {
    let created = [(Step::Create, 0), (Step::Create, 1)];
    let review = [(Step::StartReview, 0)];
    let revoke = [(Step::Revoke, 0)];
    assert_eq!(play(&[&created[..], &review, &revoke].concat()), (1, 0));
    for between in [(Step::Create, 0), (Step::Delete, 0), (Step::Rotate, 0)] {
        let steps = [&created[..], &review, &[between], &revoke].concat();
        assert_eq!(play(&steps), (0, 1), "{between:?}");
    }
    // "Not used since" and "live" stop matching as time passes.
    for (filter, between) in [(3, (Step::Use, 0)), (1, (Step::Wait, 39))] {
        let wait = [(Step::Wait, 39)];
        let look = [(Step::StartReview, filter)];
        let steps = [&created[..], &wait, &look, &[between], &revoke].concat();
        assert_eq!(play(&steps), (0, 1), "{between:?}");
    }
}

#[tokio::test]
async fn more_than_a_page_is_revoked_only_with_the_digest_of_a_review() {
    let mut play = Play::new().await;
    // Half of them for each, since a user has at most 100 live tokens.
    let owners = [play.world.admin.clone(), play.grace.clone()];
    for owner in owners {
        play.grace = owner;
        play.world.all.use_cases.tokens = play.world.all.tokens.clone().with_quota(1_000);
        for _ in 0..=MAX_UNREVIEWED / 2 {
            play.step(Step::Create, 1).await;
        }
    }
    let before = play.unrevoked().await;
    let filter = play.filter(1);
    let (admin, admin_tokens) = (&play.world.admin, &play.world.all.admin_tokens);
    let rejected = admin_tokens
        .revoke_matching(admin, &filter, None, context())
        .await;
    let Err(AdminTokenError::ReviewRequired(review)) = rejected else {
        panic!("{rejected:?}");
    };
    assert_eq!(play.unrevoked().await, before);
    let page = admin_tokens.review(admin, &filter, None, PAGE).await;
    let digest = page.expect("a page").review.digest;
    assert_eq!(digest, review.digest);
    let done = admin_tokens.revoke_matching(admin, &filter, Some(digest), context());
    assert_eq!(done.await.expect("revoked").tokens.len(), review.count);
}

#[tokio::test]
async fn pages_of_a_review_lead_forward_and_back() {
    let mut play = Play::new().await;
    for _ in 0..8 {
        play.step(Step::Create, 1).await;
    }
    let (admin, filter) = (&play.world.admin, play.filter(0));
    let review = |after| {
        play.world
            .all
            .admin_tokens
            .review(admin, &filter, after, PAGE)
    };
    let first = review(None).await.expect("a page");
    let second = review(first.next).await.expect("a page");
    let third = review(second.next).await.expect("a page");
    assert_eq!((first.skipped, second.skipped, third.skipped), (0, 3, 6));
    assert_eq!((first.tokens.len(), third.tokens.len()), (3, 2));
    assert_eq!(
        (first.previous, second.previous, third.next),
        (None, None, None)
    );
    assert_eq!(review(third.previous).await.expect("a page"), second);
    assert_eq!(first.review, third.review);
    let page = first
        .tokens
        .iter()
        .chain(&second.tokens)
        .chain(&third.tokens);
    assert_eq!(Review::of(page.map(|owned| owned.token.id)), first.review);
    // A review of revoked tokens covers nothing.
    let revoked = TokenFilter {
        status: Some(Status::Revoked),
        ..filter.clone()
    };
    play.world
        .all
        .admin_tokens
        .revoke_matching(admin, &filter, None, context())
        .await
        .expect("done");
    let page = play
        .world
        .all
        .admin_tokens
        .review(admin, &revoked, None, PAGE)
        .await;
    assert_eq!(page.expect("a page").review, Review::of([]));
}
