pub(super) fn plan(_: &super::Case<'_>, _: &mut super::Plan) {}
