//! An owner's list: its order, its search, and the details of each token.

use std::net::{IpAddr, Ipv4Addr};

use super::{Harness, NOW, acting, insert, insertion, put, seed};
use crate::testing::fixtures;
use crate::token::{
    CreateTokenOutcome, ListCursor, ListFilter, Search, Seek, Sort, Status, Token, TokenDetails,
    TokenId, TokenName, TokenUse,
};
use crate::user::UserId;

async fn page(
    harness: &dyn Harness,
    filter: &ListFilter,
    seek: Option<Seek>,
    limit: u32,
) -> Vec<Token> {
    let tokens = harness.tokens();
    let found = tokens.list(acting().owner, filter, NOW, seek, limit).await;
    found.expect("the store works").to_vec()
}

/// Returns a token as its owner sees it.
pub(super) async fn shown(harness: &dyn Harness, owner: UserId, id: TokenId) -> Token {
    let found = harness.tokens().get(owner, id).await;
    found.expect("the store works").expect("the token")
}

const fn address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, number))
}

/// Every order is that of [`ListCursor::order`], forward and backward, from every token and in
/// every status; ties are broken by id.
pub async fn pages_in_every_order_both_ways(harness: &dyn Harness) {
    seed(harness).await;
    let mut all = vec![acting()];
    for number in 1..=24 {
        let mut token = fixtures::token(number, NOW);
        let at = |step: u64| NOW.saturating_add_millis(i64::try_from(step).unwrap_or(0) - 2);
        let names = ["beta", "Alpha", "alpha", "Ähre", "zeta 2", "Zeta 10", "_"];
        let name = names[usize::try_from(number).unwrap_or(0) % names.len()];
        token.name = TokenName::parse(name).expect("a name");
        token.expires_at = (number % 5 != 0).then(|| at(number % 5));
        token.last_used_at = (number % 3 != 0).then(|| at(number % 4));
        token.revoked_at = (number % 6 == 0).then_some(NOW);
        put(harness, number, &token).await;
        all.push(token);
    }
    let statuses = Status::ALL.map(Some).into_iter().chain([None]);
    for (status, sort) in statuses.flat_map(|status| Sort::ALL.map(|sort| (status, sort))) {
        let filter = ListFilter {
            status,
            sort,
            ..ListFilter::default()
        };
        let place = |token: &Token| ListCursor::of(token, sort);
        let mut expected = all.clone();
        expected.retain(|token| filter.matches(token, NOW));
        expected.sort_by(|a, b| place(a).order(&place(b)));
        assert!(expected.len() > 2, "{filter:?}");
        assert_eq!(
            page(harness, &filter, None, 100).await,
            expected,
            "{filter:?}"
        );
        for (index, token) in expected.iter().enumerate() {
            let after = page(harness, &filter, Some(Seek::After(place(token))), 3).await;
            let rest = &expected[index + 1..];
            assert_eq!(after, rest[..rest.len().min(3)], "{filter:?} after {index}");
            let before = page(harness, &filter, Some(Seek::Before(place(token))), 3).await;
            let mut back = expected[..index].to_vec();
            back.reverse();
            back.truncate(3);
            assert_eq!(before, back, "{filter:?} before {index}");
        }
    }
    // Later changes of a token do not move the page that starts next to it.
    let filter = ListFilter {
        sort: Sort::LastUsed,
        ..ListFilter::default()
    };
    let before = page(harness, &filter, None, 100).await;
    let seek = Seek::After(ListCursor::of(&before[4], Sort::LastUsed));
    let mut moved = before[4].clone();
    moved.last_used_at = None;
    let (_, number) = moved.id.uuid().as_u64_pair();
    put(harness, number & u64::from(u8::MAX), &moved).await;
    assert_eq!(page(harness, &filter, Some(seek), 3).await, before[5..8]);
}

/// A part of a name is found as [`ListFilter::matches`] defines; wildcards are matched literally.
pub async fn finds_a_part_of_a_name(harness: &dyn Harness) {
    seed(harness).await;
    let names = [
        "Über-Straße 100%",
        "über",
        "CI_runner",
        "ci-runner",
        "É\\[*]'",
    ];
    for (number, name) in (1..).zip(names) {
        let mut change = insertion(number, 100);
        change.token.name = TokenName::parse(name).expect("a name");
        assert_eq!(insert(harness, change).await, CreateTokenOutcome::Created);
    }
    let all = page(harness, &ListFilter::default(), None, 100).await;
    for text in [
        "über",
        "ÜBER",
        "u\u{308}ber",
        "STRASSE",
        "straße",
        "ci",
        "CI-",
        "_",
        "%",
        "100%",
        "*",
        "[*]",
        "'",
        "\\",
        "e\u{301}",
        "token",
        "nothing",
    ] {
        let filter = ListFilter {
            search: Search::parse(text).ok(),
            ..ListFilter::default()
        };
        let mut expected = all.clone();
        expected.retain(|token| filter.matches(token, NOW));
        assert_eq!(page(harness, &filter, None, 100).await, expected, "{text}");
    }
}

/// The list and the lookup of a token return the end of its secret and its addresses; the last-used
/// address is that of the latest use.
pub async fn shows_where_a_token_was_created_and_used(harness: &dyn Harness) {
    seed(harness).await;
    let details = TokenDetails {
        last_four: "a_9Z".parse().ok(),
        created_from: Some(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_compatible())),
        ..TokenDetails::default()
    };
    let mut change = insertion(1, 100);
    change.token.details = details;
    let mut token = change.token.clone();
    assert_eq!(insert(harness, change).await, CreateTokenOutcome::Created);
    let later = NOW.saturating_add_millis(1);
    for (uses, at, from) in [
        (vec![], None, None),
        (vec![(NOW, Some(1))], Some(NOW), Some(1)),
        (vec![(later, Some(2)), (NOW, Some(3))], Some(later), Some(2)),
        (vec![(NOW, Some(4)), (later, Some(5))], Some(later), Some(2)),
    ] {
        let id = token.id;
        let uses: Vec<TokenUse> = uses
            .into_iter()
            .map(|(at, from): (_, Option<u8>)| TokenUse {
                token: id,
                at,
                from: from.map(address),
            })
            .collect();
        let recorded = harness.tokens().record_last_used(&uses).await;
        recorded.expect("the store works");
        token.last_used_at = at;
        token.details.last_used_from = from.map(address);
        assert_eq!(shown(harness, token.owner, id).await, token);
        let filter = ListFilter::default();
        assert_eq!(page(harness, &filter, None, 1).await, [token.clone()]);
    }
    // The latest use counts even if it has no address.
    let last = TokenUse {
        token: token.id,
        at: later.saturating_add_millis(1),
        from: None,
    };
    let recorded = harness.tokens().record_last_used(&[last]).await;
    recorded.expect("the store works");
    let found = shown(harness, token.owner, token.id).await;
    assert_eq!(
        (found.last_used_at, found.details),
        (Some(last.at), details)
    );
}
