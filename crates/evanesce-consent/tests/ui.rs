//! What must not be said does not compile. Each case has a twin beside it that does.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/record_in_its_session.rs");
    cases.compile_fail("tests/ui/record_printed.rs");
    cases.compile_fail("tests/ui/record_from_a_receipt.rs");
}
