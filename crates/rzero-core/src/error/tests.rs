use super::*;

#[test]
fn foreign_errors_are_bland_and_keep_their_source() {
    fn parse() -> Result<u8> {
        Ok("x".parse::<u8>()?)
    }
    let error = parse().unwrap_err();
    assert_eq!(error.class(), Class::Unknown);
    assert_eq!(error.message(), "unexpected error");
    assert_eq!(
        error.source().unwrap().to_string(),
        "invalid digit found in string"
    );
}

#[test]
fn an_error_is_two_words() {
    assert_eq!(size_of::<Error>(), 16);
}

#[test]
fn every_class_is_found_again_by_its_code_and_reason() {
    for &class in Class::ALL {
        assert_eq!(Class::of_reason(class.code(), class.reason()), class);
    }
}

#[test]
fn a_reason_of_another_code_does_not_count() {
    assert_eq!(
        Class::of_reason(Code::NotFound, "OVERLOADED"),
        Class::NotFound
    );
}

#[test]
fn unknown_numbers_are_code_unknown() {
    assert_eq!(Code::from_number(0), None);
    assert_eq!(Code::from_number(99), Some(Code::Unknown));
    assert_eq!(Code::from_number(16), Some(Code::Unauthenticated));
    for n in 1..=16 {
        assert_eq!(Code::from_number(n).unwrap().number(), n);
    }
}

#[test]
fn passed_on_rejections_are_not_safe_to_repeat() {
    let relayed = Error::overloaded("busy").relayed().from_handler("a.B");
    assert_eq!(relayed.class(), Class::Unavailable);
    assert!(!relayed.is_retry_safe(false));
    assert_eq!((relayed.reason(), relayed.domain()), ("OVERLOADED", "a.B"));
    let own = Error::overloaded("busy").from_handler("a.B");
    assert!(own.is_retry_safe(false));
}

#[test]
fn debug_shows_no_reply_metadata() {
    let mut trailers = Metadata::new();
    trailers.insert("token", "hunter2").unwrap();
    let reply = ReplyMetadata {
        headers: Metadata::new(),
        trailers,
    };
    assert!(!format!("{:?}", Error::internal("x").with_reply_metadata(reply)).contains("hunter2"));
}

static FULL: Fixed = Fixed::new(Class::Overloaded, "too many calls");

#[test]
fn a_fixed_error_keeps_its_hint_in_whole_milliseconds() {
    let hint = |wait| Error::fixed(&FULL).with_retry_after(wait).retry_after();
    let ms = Duration::from_millis;
    assert_eq!(Error::fixed(&FULL).retry_after(), None);
    assert_eq!(hint(Duration::ZERO), Some(Duration::ZERO));
    assert_eq!(hint(Duration::from_micros(1_001)), Some(ms(2)));
    assert_eq!(hint(ms(1_500)), Some(ms(1_500)));
    // Too long for a fixed one.
    assert_eq!(hint(Duration::MAX), Some(Duration::MAX));
}

#[test]
fn what_is_known_about_a_fixed_error_survives_a_change() {
    let error = Error::fixed(&FULL).with_retry_after(Duration::from_secs(1));
    let changed = error.relayed().with_metadata("k", "v");
    assert_eq!(changed.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(changed.from_handler("a.B").class(), Class::Unavailable);
}
