using System.Runtime.InteropServices;

namespace Aios.Native;

/// <summary>
/// The functions of `include/aios.h`, which says what each does. All that goes over is blittable: nothing is converted, and a
/// call costs little more than in C.
/// </summary>
internal static unsafe class NativeMethods
{
    internal const string Library = "aios_context";
    private const CallingConvention Convention = CallingConvention.Cdecl;

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern uint aios_abi_version();

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_version(NativeStr* version);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern nuint aios_last_error_message(byte* buffer, nuint size);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern nuint aios_last_error_hint(byte* buffer, nuint size);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_engine_open(NativeEngineOptions* options, nint* engine);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_engine_close(nint engine);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_engine_folder(nint engine, NativeStr* folder);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_progress_open(nint* progress);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_progress_cancel(nint progress);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_progress_close(nint progress);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_find(nint engine, NativeLook* look, nint* environments);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_check(nint engine, NativeLook* look, nint* environments);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_count(nint environments, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_get(nint environments, nuint index, NativeEnvironment* environment);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_finding(nint environments, nuint environment, nuint index, NativeFinding* finding);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_problem_count(nint environments, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_problem(nint environments, nuint index, NativeProblem* problem);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_close(nint environments);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_repair_plan(nint engine, NativeStr prefix, NativeRepairOptions* options, nint* plan);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_about(nint plan, NativePlanInfo* info);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_step(nint plan, nuint index, NativeStep* step);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_unsolved(nint plan, nuint index, NativeUnsolved* unsolved);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_finding(nint plan, nuint index, NativeFinding* finding);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_close(nint plan);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_plan_apply(nint plan, NativeRepaired* repaired);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_repair_undo(nint engine, NativeStr prefix);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_context_put(nint engine, NativeBytes* keys, nuint keyCount, ushort tag, NativeBytes value);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_context_get(nint engine, NativeBytes* keys, nuint keyCount, nint* value);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_context_remove(nint engine, NativeBytes* keys, nuint keyCount);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_context_commit(nint engine);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_context_discard(nint engine);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_blob_bytes(nint blob, NativeBytes* bytes);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_blob_tag(nint blob, ushort* tag);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_blob_close(nint blob);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_take(nint engine, NativeStr name, NativeStr reason, ulong* id);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_restore(nint engine, ulong id, ulong* saved);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_open(nint engine, ulong id, nint* snapshot);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_about(nint snapshot, NativeSnapshotInfo* info);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_get(nint snapshot, NativeBytes* keys, nuint keyCount, NativeValue* value);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_entries(nint snapshot, NativeBytes* keys, nuint keyCount, nint* entries);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_environments(nint snapshot, nint* environments);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_export(nint snapshot, nint* image);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_of_image(NativeBytes image, nint* snapshot);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_close(nint snapshot);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshots_list(nint engine, nint* snapshots);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshots_count(nint snapshots, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshots_get(nint snapshots, nuint index, NativeSnapshotInfo* info);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshots_close(nint snapshots);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_entries_count(nint entries, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_entries_get(nint entries, nuint index, NativeEntry* entry);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_entries_close(nint entries);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_snapshot_diff(nint before, nint after, nint* changes);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_changes_count(nint changes, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_changes_get(nint changes, nuint index, NativeChange* change);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_changes_close(nint changes);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_recall(nint engine, NativeCue* cue, nint* recollections);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_recollections_count(nint recollections, nuint* count);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_recollections_environment(nint recollections, nuint index, NativeEnvironment* environment);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_recollections_get(nint recollections, nuint index, NativeRecollection* recollection);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_recollections_close(nint recollections);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_state_open(nint engine, nint* state);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_state_about(nint state, NativeStateInfo* info);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_state_pin(nint state, nint* environments);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_environments_published(nint environments, NativePublished* published);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_state_close(nint state);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_buffer_open(nint engine, nint* buffer);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_buffer_close(nint buffer);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_writer_open(nint buffer, nint* writer);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_writer_append(nint writer, ushort tag, NativeBytes bytes);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_writer_metrics(nint writer, MetricFrame* metrics);

    [DllImport(Library, CallingConvention = Convention, ExactSpelling = true)]
    internal static extern AiosStatus aios_writer_close(nint writer);
}
