using Aios.Native;

namespace Aios;

/// <summary>A remembered environment that is like what was asked for.</summary>
/// <param name="Environment">As it was then; without its findings.</param>
/// <param name="Snapshot">The last snapshot in which it was so.</param>
/// <param name="Time">When that was taken.</param>
/// <param name="Similarity">What both have, of what either has: 0 to 1.</param>
/// <param name="Shared">How much of what was asked for it had.</param>
/// <param name="IsExact">Both were counted; otherwise they are estimated from what is left of a damaged index.</param>
public sealed record Recollection(
    PythonEnvironment Environment, ulong Snapshot, DateTimeOffset Time, double Similarity, ulong Shared, bool IsExact)
{
    /// <summary>Copies a list of the library, and closes it.</summary>
    internal static unsafe Recollection[] Take(nint recollections)
    {
        using var list = new NativeHandle(recollections, &NativeMethods.aios_recollections_close);
        nuint count;
        NativeError.Check(NativeMethods.aios_recollections_count(list.Value, &count));
        var all = new Recollection[checked((int)count)];
        for (nuint index = 0; index < count; index++)
        {
            var environment = new NativeEnvironment { StructSize = (nuint)sizeof(NativeEnvironment) };
            NativeError.Check(NativeMethods.aios_recollections_environment(list.Value, index, &environment));
            var one = new NativeRecollection { StructSize = (nuint)sizeof(NativeRecollection) };
            NativeError.Check(NativeMethods.aios_recollections_get(list.Value, index, &one));
            all[(int)index] = new Recollection(
                PythonEnvironment.Of(environment, []), one.Snapshot, UnixTime.OfMilliseconds(one.TimeMs), one.Similarity, one.Shared,
                one.IsExact != 0);
        }
        return all;
    }
}
