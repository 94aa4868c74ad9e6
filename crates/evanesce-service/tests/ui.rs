//! What must not be sayable does not compile; beside each case lies its compiling twin.

#[test]
fn what_must_not_be_said_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
