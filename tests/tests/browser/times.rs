//! Times: in the user's time zone with scripts, and in UTC without.

use serde_json::json;

use super::once::Person;

/// The text and the tooltip of the first time on the page.
fn first_time(person: &Person) -> (String, String) {
    let script = "
        const time = document.querySelector('main time');
        return [time.textContent, time.title];";
    let read = person.browser.script(script, &json!([]));
    let text = |at: usize| read[at].as_str().expect("text").to_owned();
    (text(0), text(1))
}

#[test]
fn times_are_in_the_users_time_zone_with_utc_in_the_tooltip() {
    let person = Person::new(true);
    person.create();
    let mut shown = Vec::new();
    for zone in ["Asia/Tokyo", "America/New_York"] {
        person.browser.move_to(zone);
        person.browser.open("/settings/tokens");
        let (local, utc) = first_time(&person);
        assert!(utc.ends_with(" UTC"), "{utc}");
        assert!(!local.contains("UTC"), "{local}");
        assert_ne!(local, utc);
        shown.push(local);
    }
    assert!(shown[0].ends_with("GMT+9"), "{shown:?}");
    assert_ne!(shown[0], shown[1]);
}

#[test]
fn without_javascript_times_are_in_utc_and_say_so() {
    let person = Person::new(false);
    person.create();
    person.browser.open("/settings/tokens");
    let text = person.browser.text("main time");
    assert!(text.ends_with(" UTC"), "{text}");
    assert!(person.browser.text("main .ago").contains("just now"));
}
