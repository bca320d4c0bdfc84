use market::bank::{
    Amount, Card, CardError, DeclineReason, PaymentKey, Receipt, Refusal, Standing, Wish,
};
use market::trade::WallTime;

use super::*;
use crate::payment::journal::Behind;
use crate::payment::limits::{MAX_VALUE_BYTES, OPEN_PAGE};

fn key(text: &str) -> PaymentKey {
    text.parse().unwrap()
}

fn charge() -> (Card, Amount) {
    let card = Card::new("A <b> & \"c\" 'd' é", "4111111111111111", "04/31", "123");
    (card, Amount::from_minor(1_250).unwrap())
}

fn requests() -> Vec<Request> {
    let (card, amount) = charge();
    let mut wishes = vec![Wish::Capture, Wish::Void, Wish::Lookup];
    wishes.push(Wish::Process { card: card.clone(), amount });
    wishes.push(Wish::Authorize { card, amount });
    let key = key("a<&\"'>]]>~");
    let mut all: Vec<_> =
        wishes.into_iter().map(|wish| Request::Wish { key: key.clone(), wish }).collect();
    all.push(Request::ListOpen { older_than_seconds: 900, behind: None });
    let behind = Behind { asked_at: WallTime(7), key: "a:b".parse().unwrap() };
    all.push(Request::ListOpen { older_than_seconds: u32::MAX, behind: Some(behind) });
    all
}

#[test]
fn requests_come_back_as_they_were_written() {
    for request in requests() {
        assert_eq!(Request::read(request.write().as_bytes()), Ok(request));
    }
}

fn answer_of(answer: &Answer, operation: Operation) -> Option<Answer> {
    Answer::read(&unwrap(answer.write(operation).as_bytes()).unwrap(), operation)
}

#[test]
fn answers_come_back_as_they_were_written() {
    let amount = Some(charge().1);
    for (standing, amount) in [
        (Standing::Unknown, None),
        (Standing::Voided, None),
        (Standing::Voided, amount),
        (Standing::Authorized, amount),
        (Standing::Captured, amount),
        (Standing::Declined(DeclineReason::DoNotHonour), amount),
    ] {
        let answer = Answer::Receipt { key: key("k&"), receipt: Receipt { standing, amount } };
        for operation in Operation::ALL.into_iter().filter(|it| *it != Operation::ListOpen) {
            assert_eq!(answer_of(&answer, operation).as_ref(), Some(&answer), "{operation:?}");
        }
        let capture = unwrap(answer.write(Operation::Capture).as_bytes()).unwrap();
        assert_eq!(Answer::read(&capture, Operation::Void), None, "of another operation");
    }
}

#[test]
fn the_largest_page_of_open_authorisations_passes_the_readers_limits() {
    let longest = "&".repeat(market::limits::MAX_PAYMENT_KEY_BYTES);
    let charge = OpenCharge {
        key: key(&longest),
        amount: Amount::from_minor(market::limits::MAX_TOTAL_MINOR).unwrap(),
        asked_at: WallTime(u64::MAX),
    };
    let next = Some(Behind { asked_at: WallTime(u64::MAX), key: key(&longest[..100]) });
    let page = Answer::Open(OpenPage { charges: vec![charge; OPEN_PAGE], next });
    assert_eq!(answer_of(&page, Operation::ListOpen), Some(page));
}

#[test]
fn faults_come_back_as_they_were_written() {
    let cards = [
        CardError::Holder,
        CardError::Number,
        CardError::Expiry,
        CardError::Expired,
        CardError::Code,
    ];
    let refusals = [
        Refusal::KeyReused,
        Refusal::UnknownKey,
        Refusal::Declined,
        Refusal::Voided,
        Refusal::Captured,
    ];
    for refusal in cards.into_iter().map(Refusal::InvalidCard).chain(refusals) {
        let fault = Fault::refused(refusal);
        let read = Fault::read(&unwrap(fault.write().as_bytes()).unwrap()).unwrap();
        assert_eq!((read.refusal(), &read), (Some(refusal), &fault));
    }
    for reason in [
        Reason::BadMessage,
        Reason::Version,
        Reason::MustUnderstand,
        Reason::UnknownOperation,
        Reason::Busy,
        Reason::OutcomeUnknown,
        Reason::InvalidValue("amount"),
        Reason::InvalidValue("idempotency_key"),
        Reason::InvalidValue("SOAPAction"),
        Reason::InvalidValue("older_than_seconds"),
        Reason::InvalidValue("after"),
    ] {
        let fault = Fault::new(reason, "a <sentence> & more");
        let read = Fault::read(&unwrap(fault.write().as_bytes()).unwrap());
        assert_eq!((read.as_ref(), fault.refusal()), (Some(&fault), None));
    }
    let unqualified = "<f:Fault xmlns:f='http://schemas.xmlsoap.org/soap/envelope/'><faultcode>f:Server</faultcode></f:Fault>";
    assert_eq!(Fault::read(&crate::payment::xml::read(unqualified.as_bytes()).unwrap()), None);
}

/// A message with these parts in its envelope.
fn message(parts: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='{SOAP}' xmlns:p='{PAYMENTS}' xmlns:xi='http://www.w3.org/2001/XInclude'>{parts}</s:Envelope>"
    )
}

fn body(content: &str) -> String {
    message(&format!("<s:Body>{content}</s:Body>"))
}

fn reason(text: &str) -> Reason {
    Request::read(text.as_bytes()).expect_err(text).reason
}

const LOOKUP: &str = "<p:Lookup><p:idempotency_key>k</p:idempotency_key></p:Lookup>";

#[test]
fn a_plain_message_is_read() {
    let expected = Request::Wish { key: key("k"), wish: Wish::Lookup };
    for text in [
        body(LOOKUP),
        message(&format!("<s:Header/><s:Body>{LOOKUP}</s:Body>")),
        message(&format!(
            "<s:Header><h xmlns='u:x'>y</h></s:Header>\n<s:Body>\n{LOOKUP}\n</s:Body>"
        )),
        body(
            "<p:Lookup>\n<!-- the key -->\n<p:idempotency_key> k\n</p:idempotency_key></p:Lookup>",
        ),
        body(&format!(
            "<Lookup xmlns='{PAYMENTS}'><idempotency_key><![CDATA[k]]></idempotency_key></Lookup>"
        )),
    ] {
        assert_eq!(Request::read(text.as_bytes()), Ok(expected.clone()), "{text}");
    }
}

#[test]
fn envelopes_with_more_or_less_in_them_are_refused() {
    for text in [
        message(""),
        message("<s:Header/>"),
        message(&format!("<s:Body>{LOOKUP}</s:Body><s:Body>{LOOKUP}</s:Body>")),
        message(&format!("<s:Body>{LOOKUP}</s:Body><s:Header/>")),
        message(&format!("<s:Header/><s:Header/><s:Body>{LOOKUP}</s:Body>")),
        message(&format!("<s:Body>{LOOKUP}</s:Body><x xmlns='u:x'/>")),
        message(&format!("<x xmlns='u:x'><s:Body>{LOOKUP}</s:Body></x>")),
        message(&format!(
            "<s:Header><x xmlns='u:x'><s:Body>{LOOKUP}</s:Body></x></s:Header><s:Body>{LOOKUP}</s:Body>"
        )),
        message(&format!("<s:Header><unqualified/></s:Header><s:Body>{LOOKUP}</s:Body>")),
        message(&format!("<Body>{LOOKUP}</Body>")),
        body(""),
        body("text"),
        body(&format!("{LOOKUP}{LOOKUP}")),
        body(&body(LOOKUP)),
        body("<xi:include href='file:///etc/passwd'/>"),
        body("<p:Lookup><xi:include href='http://169.254.169.254/'/></p:Lookup>"),
        body(
            "<p:Lookup><p:idempotency_key><xi:include href='file:///etc/passwd'/></p:idempotency_key></p:Lookup>",
        ),
        body(
            "<p:Lookup><p:idempotency_key>k</p:idempotency_key><p:idempotency_key>k</p:idempotency_key></p:Lookup>",
        ),
        body("<p:Lookup><idempotency_key>k</idempotency_key></p:Lookup>"),
        body("<p:Lookup>k</p:Lookup>"),
        body("<p:Lookup/>"),
        body("<Lookup><idempotency_key>k</idempotency_key></Lookup>"),
        body("<p:Authorize><p:idempotency_key>k</p:idempotency_key></p:Authorize>"),
        body(&format!(
            "<p:Lookup><p:idempotency_key>{}</p:idempotency_key></p:Lookup>",
            "k".repeat(MAX_VALUE_BYTES + 1)
        )),
    ] {
        assert_eq!(reason(&text), Reason::BadMessage, "{text}");
    }
}

#[test]
fn other_complaints_have_reasons_of_their_own() {
    let other = body(LOOKUP).replace(SOAP, "http://www.w3.org/2003/05/soap-envelope");
    assert_eq!(reason(&other), Reason::Version);
    let must = |value: &str| {
        message(&format!(
            "<s:Header><h xmlns='u:x' s:mustUnderstand='{value}'/></s:Header><s:Body>{LOOKUP}</s:Body>"
        ))
    };
    assert_eq!(reason(&must("1")), Reason::MustUnderstand);
    assert!(Request::read(must("0").as_bytes()).is_ok());
    assert_eq!(reason(&body("<p:Refund/>")), Reason::UnknownOperation);
    let key = |text: &str| {
        body(&format!("<p:Void><p:idempotency_key>{text}</p:idempotency_key></p:Void>"))
    };
    for bad in ["", "a b", "é", &"k".repeat(129)] {
        assert_eq!(reason(&key(bad)), Reason::InvalidValue("idempotency_key"), "{bad}");
    }
    let good =
        requests().into_iter().find(|it| it.operation() == Operation::Authorize).unwrap().write();
    for bad in ["12.505", "-1", "1e3", "NaN", "", "99999999999999999999"] {
        assert_eq!(reason(&good.replace("12.50", bad)), Reason::InvalidValue("amount"), "{bad}");
    }
    let list = |age: &str, after: &str| {
        body(&format!(
            "<p:ListOpen><p:older_than_seconds>{age}</p:older_than_seconds><p:after>{after}</p:after></p:ListOpen>"
        ))
    };
    assert_eq!(reason(&list("-1", "1:k")), Reason::InvalidValue("older_than_seconds"));
    assert_eq!(reason(&list("1", "k")), Reason::InvalidValue("after"));
    assert_eq!(reason(&list("1", "x:k")), Reason::InvalidValue("after"));
}

#[test]
fn no_fault_repeats_what_was_sent() {
    let secret = "4111111111111111";
    for text in [
        body(&format!("<p:{secret}/>")),
        body(&format!("<p:Lookup><p:x{secret}/></p:Lookup>")),
        body(&format!(
            "<p:Void><p:idempotency_key>{secret} </p:idempotency_key><p:idempotency_key>{secret}</p:idempotency_key></p:Void>"
        )),
        format!("<{secret}"),
        format!("<a{secret}>"),
        format!("&{secret};"),
    ] {
        let fault = Request::read(text.as_bytes()).expect_err(&text);
        assert!(!fault.write().contains(secret), "{fault:?}");
    }
}
