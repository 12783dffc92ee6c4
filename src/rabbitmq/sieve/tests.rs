use super::*;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0, 1];
    write_long(payload, &mut frame);
    frame.push(FRAME_END);
    frame
}

fn short(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).expect("short")];
    bytes.extend_from_slice(text);
    bytes
}

fn marked(entries: &[Vec<u8>]) -> Vec<u8> {
    headers_of(&[entries, &[mark()]].concat())
}

fn long(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut value = vec![kind];
    write_long(bytes, &mut value);
    value
}

fn entry(key: &str, value: Vec<u8>) -> Vec<u8> {
    [short(key.as_bytes()), value].concat()
}

/// A content header of five bytes of body.
fn header_of(flags: u16, properties: &[u8]) -> Vec<u8> {
    let fixed = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    frame(HEADER, &[&fixed[..], &flags.to_be_bytes(), properties].concat())
}

fn headers_of(entries: &[Vec<u8>]) -> Vec<u8> {
    header_of(HEADERS, &long(b'F', &entries.concat())[1..])
}

fn sieved(bytes: &[u8]) -> Result<Vec<u8>, Blocked> {
    let mut out = Vec::new();
    Sieve::default().feed(bytes, &mut out)?;
    // However the bytes are cut, the same comes out.
    for size in [1, 3, 8, 100] {
        let (mut sieve, mut piecemeal) = (Sieve::default(), Vec::new());
        for piece in bytes.chunks(size) {
            sieve.feed(piece, &mut piecemeal)?;
        }
        assert_eq!(piecemeal, out, "in pieces of {size}");
    }
    Ok(out)
}

fn deliver(key: &[u8]) -> Vec<u8> {
    let names = [short(b"tag"), vec![0; 9], short(b"an exchange"), short(key)].concat();
    frame(METHOD, &[&[0, 60, 0, 60][..], &names].concat())
}

#[test]
fn what_is_sound_passes_as_it_is() {
    let reason = entry(super::super::names::REASON, long(b'S', b"why"));
    let parts = [
        deliver(b"a key"),
        headers_of(std::slice::from_ref(&reason)),
        frame(BODY, &[FRAME_END; 5]),
        frame(HEARTBEAT, b""),
        header_of(0, b""),
        frame(METHOD, &[0, 10, 0, 31]),
    ];
    assert_eq!(sieved(&parts.concat()), Ok(parts.concat()));
    assert_eq!(sieved(b"AMQP\0\x01\0\0 and so on"), Ok(b"AMQP\0\x01\0\0 and so on".to_vec()));
}

#[test]
fn properties_of_others_do_not_pass() {
    let properties = [short(b"application/\xff"), short(b"gzip"), vec![2]].concat();
    let flags = CONTENT_TYPE | CONTENT_ENCODING | 1 << 12;
    assert_eq!(sieved(&header_of(flags, &properties)), Ok(header_of(0, b"")));
    let theirs = [entry("trace", long(b'S', b"t")), entry("n", vec![b'I', 0, 0, 0, 1])];
    assert_eq!(sieved(&headers_of(&theirs)), Ok(header_of(0, b"")));
    assert_eq!(sieved(&header_of(MORE_FLAGS | HEADERS, b"\0\0")), Ok(marked(&[])));
    assert_eq!(sieved(&header_of(HEADERS, b"\xff\xff\xff\xff")), Ok(marked(&[])));
    let forged = entry(HOSTILE, vec![b'V']);
    assert_eq!(sieved(&headers_of(&[forged])), Ok(header_of(0, b"")));
}

#[test]
fn our_headers_pass_among_hostile_ones() {
    let mut deep = long(b'F', b"");
    for _ in 0..20_000 {
        deep = long(b'F', &entry("", deep));
    }
    let ours = entry(super::super::names::REASON, long(b'S', b"why"));
    let hostile = [
        entry("deep", deep.clone()),
        ours.clone(),
        entry(super::super::names::ID, deep.clone()),
        [vec![2, 0xC3, 0x28], long(b'S', b"no key in UTF-8")].concat(),
        entry(super::super::names::AT, long(b'F', &[2, 0xC3, 0x28, b'V'])),
        entry(super::super::names::QUEUE, long(b'S', &[b'q'; KEPT_MAX])),
        entry(X_DEATH, long(b'A', &deep)),
        entry("ends it", vec![b'?']),
    ];
    assert_eq!(sieved(&headers_of(&hostile)), Ok(marked(std::slice::from_ref(&ours))));
    for one in hostile.into_iter().filter(|entry| *entry != ours) {
        assert_eq!(sieved(&headers_of(&[one])), Ok(marked(&[])));
    }
}

#[test]
fn of_the_brokers_account_the_newest_entry_passes() {
    let death = |queue: &[u8]| {
        let keys = entry("routing-keys", long(b'A', &long(b'S', b"\xff")));
        long(b'F', &[entry("queue", long(b'S', queue)), keys].concat())
    };
    let all = long(b'A', &[death(b"newest"), death(b"older")].concat());
    let newest = long(b'A', &death(b"newest"));
    let sieved = sieved(&headers_of(&[entry(X_DEATH, all)]));
    assert_eq!(sieved, Ok(headers_of(&[entry(X_DEATH, newest)])));
}

#[test]
fn names_that_are_no_text_are_left_out_of_deliveries() {
    let nameless = [short(b"tag"), vec![0; 9], short(b""), short(b"")].concat();
    let nameless = frame(METHOD, &[&[0, 60, 0, 60][..], &nameless].concat());
    assert_eq!(sieved(&deliver(b"\xff")), Ok(nameless));
    let got = |exchange: &[u8]| {
        let names = [vec![0; 9], short(exchange), short(b"k"), vec![0, 0, 0, 7]].concat();
        frame(METHOD, &[&[0, 60, 0, 71][..], &names].concat())
    };
    let nameless = [vec![0; 9], short(b""), short(b""), vec![0, 0, 0, 7]].concat();
    let nameless = frame(METHOD, &[&[0, 60, 0, 71][..], &nameless].concat());
    assert_eq!(sieved(&got(b"x")), Ok(got(b"x")));
    assert_eq!(sieved(&got(b"\xff")), Ok(nameless));
}

#[test]
fn a_message_that_comes_back_ends_the_connection() {
    let names = [vec![1, 56], short(b"NO_ROUTE"), short(b""), short(b"payoutd.commands")].concat();
    let returned = frame(METHOD, &[&[0, 60, 0, 50][..], &names].concat());
    assert_eq!(sieved(&returned), Err(Blocked::Unroutable("payoutd.commands".into())));
}

#[test]
fn a_frame_without_end_is_not_waited_for() {
    let begin = [HEADER, 0, 1, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(sieved(&begin), Err(Blocked::TooLarge(_))));
    let cut_short = &header_of(HEADERS, b"")[..20];
    assert_eq!(sieved(cut_short), Ok(vec![]));
}
