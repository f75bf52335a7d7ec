// What the compiler of C makes of the structs is what the library does: sizes and offsets.

#include "check.h"

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)

SIZE(aios_str, 16);
AT(aios_str, ptr, 0);
AT(aios_str, len, 8);
SIZE(aios_bytes, 16);
AT(aios_bytes, ptr, 0);
AT(aios_bytes, len, 8);

SIZE(aios_change, 120);
AT(aios_change, struct_size, 0);
AT(aios_change, environment, 8);
AT(aios_change, prefix, 24);
AT(aios_change, name, 40);
AT(aios_change, before, 56);
AT(aios_change, after, 72);
AT(aios_change, keys, 88);
AT(aios_change, key_count, 96);
AT(aios_change, count, 104);
AT(aios_change, kind, 112);
AT(aios_change, reserved, 116);

SIZE(aios_engine_options, 32);
AT(aios_engine_options, struct_size, 0);
AT(aios_engine_options, folder, 8);
AT(aios_engine_options, patience_ms, 24);
AT(aios_engine_options, reserved, 28);

SIZE(aios_value, 40);
AT(aios_value, struct_size, 0);
AT(aios_value, bytes, 8);
AT(aios_value, weight, 24);
AT(aios_value, severity, 32);
AT(aios_value, tag, 36);
AT(aios_value, reserved, 38);

SIZE(aios_entry, 64);
AT(aios_entry, struct_size, 0);
AT(aios_entry, key, 8);
AT(aios_entry, bytes, 24);
AT(aios_entry, weight, 40);
AT(aios_entry, records, 48);
AT(aios_entry, severity, 56);
AT(aios_entry, tag, 60);
AT(aios_entry, is_level, 62);

SIZE(aios_environment, 216);
AT(aios_environment, struct_size, 0);
AT(aios_environment, id, 8);
AT(aios_environment, kind, 24);
AT(aios_environment, name, 40);
AT(aios_environment, prefix, 56);
AT(aios_environment, executable, 72);
AT(aios_environment, version, 88);
AT(aios_environment, implementation, 104);
AT(aios_environment, architecture, 120);
AT(aios_environment, base_prefix, 136);
AT(aios_environment, manager, 152);
AT(aios_environment, project, 168);
AT(aios_environment, found, 184);
AT(aios_environment, health, 200);
AT(aios_environment, flags, 204);
AT(aios_environment, finding_count, 208);

SIZE(aios_finding, 112);
AT(aios_finding, struct_size, 0);
AT(aios_finding, code, 8);
AT(aios_finding, message, 24);
AT(aios_finding, meaning, 40);
AT(aios_finding, effect, 56);
AT(aios_finding, remedy, 72);
AT(aios_finding, paths, 88);
AT(aios_finding, path_count, 96);
AT(aios_finding, severity, 104);
AT(aios_finding, reserved, 108);

SIZE(aios_problem, 40);
AT(aios_problem, struct_size, 0);
AT(aios_problem, path, 8);
AT(aios_problem, message, 24);

SIZE(aios_look, 56);
AT(aios_look, struct_size, 0);
AT(aios_look, paths, 8);
AT(aios_look, path_count, 16);
AT(aios_look, workspaces, 24);
AT(aios_look, workspace_count, 32);
AT(aios_look, depth, 40);
AT(aios_look, flags, 44);
AT(aios_look, progress, 48);

SIZE(aios_repair_options, 56);
AT(aios_repair_options, struct_size, 0);
AT(aios_repair_options, base, 8);
AT(aios_repair_options, wheelhouses, 24);
AT(aios_repair_options, wheelhouse_count, 32);
AT(aios_repair_options, snapshot, 40);
AT(aios_repair_options, progress, 48);

SIZE(aios_progress_info, 32);
AT(aios_progress_info, struct_size, 0);
AT(aios_progress_info, folders, 8);
AT(aios_progress_info, environments, 16);
AT(aios_progress_info, checked, 24);

SIZE(aios_plan_info, 72);
AT(aios_plan_info, struct_size, 0);
AT(aios_plan_info, prefix, 8);
AT(aios_plan_info, refusal, 24);
AT(aios_plan_info, step_count, 40);
AT(aios_plan_info, unsolved_count, 48);
AT(aios_plan_info, finding_count, 56);
AT(aios_plan_info, health, 64);
AT(aios_plan_info, reserved, 68);

SIZE(aios_step, 72);
AT(aios_step, struct_size, 0);
AT(aios_step, action, 8);
AT(aios_step, what, 24);
AT(aios_step, reasons, 40);
AT(aios_step, reason_count, 48);
AT(aios_step, paths, 56);
AT(aios_step, path_count, 64);

SIZE(aios_unsolved, 40);
AT(aios_unsolved, struct_size, 0);
AT(aios_unsolved, code, 8);
AT(aios_unsolved, hint, 24);

SIZE(aios_cue, 48);
AT(aios_cue, struct_size, 0);
AT(aios_cue, prefix, 8);
AT(aios_cue, packages, 24);
AT(aios_cue, package_count, 32);
AT(aios_cue, most, 40);
AT(aios_cue, reserved, 44);

SIZE(aios_recollection, 48);
AT(aios_recollection, struct_size, 0);
AT(aios_recollection, snapshot, 8);
AT(aios_recollection, time_ms, 16);
AT(aios_recollection, similarity, 24);
AT(aios_recollection, shared, 32);
AT(aios_recollection, is_exact, 40);
AT(aios_recollection, reserved, 44);

SIZE(aios_repaired, 32);
AT(aios_repaired, struct_size, 0);
AT(aios_repaired, outcome, 8);
AT(aios_repaired, health, 12);
AT(aios_repaired, finding_count, 16);
AT(aios_repaired, rounds, 24);
AT(aios_repaired, reserved, 28);

SIZE(aios_snapshot_info, 112);
AT(aios_snapshot_info, struct_size, 0);
AT(aios_snapshot_info, id, 8);
AT(aios_snapshot_info, parent, 16);
AT(aios_snapshot_info, time_ms, 24);
AT(aios_snapshot_info, records, 32);
AT(aios_snapshot_info, bytes, 40);
AT(aios_snapshot_info, name, 48);
AT(aios_snapshot_info, reason, 64);
AT(aios_snapshot_info, hash, 80);

SIZE(aios_state_info, 24);
AT(aios_state_info, struct_size, 0);
AT(aios_state_info, version, 8);
AT(aios_state_info, is_closed, 16);
AT(aios_state_info, is_published, 20);

SIZE(aios_published, 64);
AT(aios_published, struct_size, 0);
AT(aios_published, version, 8);
AT(aios_published, time_ms, 16);
AT(aios_published, snapshot, 24);
AT(aios_published, engine, 32);
AT(aios_published, healthy, 48);
AT(aios_published, warning, 52);
AT(aios_published, broken, 56);
AT(aios_published, reserved, 60);

SIZE(aios_record, 64);
AT(aios_record, struct_size, 0);
AT(aios_record, bytes, 8);
AT(aios_record, time_ns, 24);
AT(aios_record, sequence, 32);
AT(aios_record, missing, 40);
AT(aios_record, writer, 48);
AT(aios_record, kind, 52);
AT(aios_record, tag, 56);
AT(aios_record, reserved, 58);

SIZE(aios_event, 88);
AT(aios_event, struct_size, 0);
AT(aios_event, environment, 8);
AT(aios_event, path, 24);
AT(aios_event, text, 40);
AT(aios_event, codes, 56);
AT(aios_event, code_count, 64);
AT(aios_event, kind, 72);
AT(aios_event, before, 76);
AT(aios_event, after, 80);
AT(aios_event, reserved, 84);

SIZE(aios_metrics, 64);
AT(aios_metrics, values, 0);
AT(aios_metrics, flag, 56);
AT(aios_metrics, padding, 57);

// Numbers are for ever.
_Static_assert(AIOS_STATUS_OK == 0, "AIOS_STATUS_OK");
_Static_assert(AIOS_STATUS_PANIC == 1, "AIOS_STATUS_PANIC");
_Static_assert(AIOS_STATUS_NULL == 2, "AIOS_STATUS_NULL");
_Static_assert(AIOS_STATUS_HANDLE == 3, "AIOS_STATUS_HANDLE");
_Static_assert(AIOS_STATUS_STRUCT_SIZE == 4, "AIOS_STATUS_STRUCT_SIZE");
_Static_assert(AIOS_STATUS_ARGUMENT == 5, "AIOS_STATUS_ARGUMENT");
_Static_assert(AIOS_STATUS_NOT_FOUND == 6, "AIOS_STATUS_NOT_FOUND");
_Static_assert(AIOS_STATUS_BUSY == 7, "AIOS_STATUS_BUSY");
_Static_assert(AIOS_STATUS_IO == 8, "AIOS_STATUS_IO");
_Static_assert(AIOS_STATUS_DAMAGED == 9, "AIOS_STATUS_DAMAGED");
_Static_assert(AIOS_STATUS_TOO_NEW == 10, "AIOS_STATUS_TOO_NEW");
_Static_assert(AIOS_STATUS_FOREIGN == 11, "AIOS_STATUS_FOREIGN");
_Static_assert(AIOS_STATUS_NO_PLACE == 12, "AIOS_STATUS_NO_PLACE");
_Static_assert(AIOS_STATUS_REFUSED == 13, "AIOS_STATUS_REFUSED");
_Static_assert(AIOS_STATUS_INTERRUPTED == 14, "AIOS_STATUS_INTERRUPTED");

int main(void) {
  puts("all of it");
  return 0;
}
