use http::HeaderValue;
use openindex_domain::testing::fixtures;

use super::*;

fn headers(name: &HeaderName, values: &[&[u8]]) -> HeaderMap {
    let value = |value: &&[u8]| HeaderValue::from_bytes(value).unwrap();
    let pairs = values.iter().map(|text| (name.clone(), value(text)));
    pairs.collect()
}

fn of(values: &[&[u8]]) -> Result<Versions, Code> {
    versions(&headers(&header::IF_MATCH, values)).map_err(|problem| problem.code())
}

fn none_of(values: &[&[u8]]) -> Result<Versions, Code> {
    versions(&headers(&header::IF_NONE_MATCH, values)).map_err(|problem| problem.code())
}

fn one(versions: &[u64]) -> Versions {
    Versions::OneOf(versions.to_vec())
}

#[test]
fn a_version_is_what_its_tag_says() {
    assert_eq!(of(&[etag(7).as_bytes()]), Ok(one(&[7])));
    assert_eq!(of(&[b" \"7\" "]), Ok(one(&[7])));
    let last = u64::MAX;
    assert_eq!(of(&[etag(last).as_bytes()]), Ok(one(&[last])));
}

#[test]
fn several_tags_are_several_versions() {
    for values in [
        &[&b"\"7\", \"9\""[..]][..],
        &[b"\"7\",\"9\""],
        &[b"\"7\"\t,\t\"9\""],
        &[b",, \"7\" , ,\"9\","],
        &[b"\"7\"", b"\"9\""],
        &[b"", b"\"7\", W/\"x\"", b"\"7,8\", \"9\""],
        // As proxies that compress rewrite them.
        &[b"W/\"7\", W/\"9\""],
        &[b"\"7-gzip\", \"9--gzip\""],
        &[b"\"7;br\", W/\"9-br\""],
    ] {
        assert_eq!(of(values), Ok(one(&[7, 9])), "{values:?}");
    }
}

#[test]
fn no_header_and_a_star_allow_any_version() {
    assert_eq!(of(&[]), Ok(Versions::ANY));
    assert_eq!(of(&[b"*"]), Ok(Versions::ANY));
}

#[test]
fn foreign_tags_match_nothing() {
    for tag in [
        &b"\"\""[..],
        b"W/\"seven\"",
        b"\"7-gzip-gzip\"",
        b"\"7-GZIP\"",
        b"\"7-deflated\"",
        b"\"-gzip\"",
        b"\"07-gzip\"",
        b"\"07\"",
        b"\"+7\"",
        b"\"-1\"",
        b"\"seven\"",
        b"\"7,8\"",
        b"\"*\"",
        b"\"\xff\"",
        b"\"18446744073709551616\"",
    ] {
        assert_eq!(of(&[tag]), Ok(one(&[])), "{tag:?}");
    }
}

#[test]
fn if_none_match_excludes_versions_by_the_weak_comparison() {
    assert_eq!(none_of(&[b"*"]), Ok(one(&[])));
    let excluded = Ok(Versions::NoneOf(vec![7, 9]));
    assert_eq!(none_of(&[b"W/\"7\", \"x\", \"9\""]), excluded);
    let mut both = headers(&header::IF_MATCH, &[b"\"7\", \"8\""]);
    both.extend(headers(&header::IF_NONE_MATCH, &[b"\"7\""]));
    assert_eq!(versions(&both).unwrap(), Versions::OneOf(vec![8]));
}

#[test]
fn a_malformed_list_of_tags_is_an_error() {
    for values in [
        &[&b""[..]][..],
        &[b","],
        &[b"", b" , "],
        &[b"7"],
        &[b"\"7"],
        &[b"7\""],
        &[b"\""],
        &[b"w/\"7\""],
        &[b"W/7"],
        &[b"W/ \"7\""],
        &[b"\"7 8\""],
        &[b"\"7\" \"8\""],
        &[b"\"7\"\"8\""],
        &[b"\"7\"; \"8\""],
        &[b"\"7\", 8"],
        &[b"**"],
        &[b"*, \"7\""],
        &[b"*", b"*"],
        &[b"\"7\"", b"*"],
    ] {
        assert_eq!(of(values), Err(Code::InvalidRequest), "{values:?}");
        assert_eq!(none_of(values), Err(Code::InvalidRequest), "{values:?}");
    }
}

#[test]
fn a_date_in_the_past_fails_the_precondition() {
    let now = Some(fixtures::NOW);
    let at = |date: &str| {
        let headers = headers(&header::IF_UNMODIFIED_SINCE, &[date.as_bytes()]);
        check(&Method::DELETE, &headers, now).map_err(|problem| problem.code())
    };
    let failed = Err(Code::PreconditionFailed);
    assert_eq!(at("Wed, 21 Oct 2015 07:28:00 GMT"), failed);
    // The obsolete forms of RFC 9110 §5.6.7.
    assert_eq!(at("Wednesday, 21-Oct-15 07:28:00 GMT"), failed);
    assert_eq!(at("Wed Oct 21 07:28:00 2015"), failed);
    assert_eq!(at("Thu, 31 Dec 9998 23:59:59 GMT"), Ok(()));
    assert_eq!(at("yesterday"), Err(Code::InvalidRequest));
    // With If-Match it does not count (RFC 9110 §13.1.4).
    let mut both = headers(&header::IF_MATCH, &[b"*"]);
    both.extend(headers(&header::IF_UNMODIFIED_SINCE, &[b"yesterday"]));
    assert!(check(&Method::DELETE, &both, now).is_ok());
    assert!(check(&Method::GET, &headers(&header::IF_MATCH, &[b"7"]), now).is_ok());
}
