using System.Runtime.InteropServices;

namespace Aios.Native;

// The structs of `include/aios.h`: fields have its names, in C#'s spelling, and tests compare sizes and offsets.

/// <summary>`aios_str`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeStr
{
    internal byte* Ptr;
    internal nuint Len;

    internal readonly bool IsAbsent => Ptr == null;

    internal readonly ReadOnlySpan<byte> Span => new(Ptr, checked((int)Len));

    /// <summary>A string of its own; what is not Unicode is replaced.</summary>
    public override readonly string ToString() => System.Text.Encoding.UTF8.GetString(Span);

    internal readonly string? OrNull() => IsAbsent ? null : ToString();

    /// <summary>Copies of several.</summary>
    internal static string[] Strings(NativeStr* texts, nuint count)
    {
        var all = new string[checked((int)count)];
        for (int index = 0; index < all.Length; index++) all[index] = texts[index].ToString();
        return all;
    }
}

/// <summary>`aios_engine_options`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeEngineOptions
{
    internal nuint StructSize;
    internal NativeStr Folder;
    internal uint PatienceMs;
    internal uint Reserved;
}

/// <summary>`aios_look`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeLook
{
    internal nuint StructSize;
    internal NativeStr* Paths;
    internal nuint PathCount;
    internal NativeStr* Workspaces;
    internal nuint WorkspaceCount;
    internal uint Depth;
    internal uint Flags;
    internal nint Progress;
}

/// <summary>`aios_environment`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeEnvironment
{
    internal nuint StructSize;
    internal NativeStr Id;
    internal NativeStr Kind;
    internal NativeStr Name;
    internal NativeStr Prefix;
    internal NativeStr Executable;
    internal NativeStr Version;
    internal NativeStr Implementation;
    internal NativeStr Architecture;
    internal NativeStr BasePrefix;
    internal NativeStr Manager;
    internal NativeStr Project;
    internal NativeStr Found;
    internal uint Health;
    internal uint Flags;
    internal nuint FindingCount;
}

/// <summary>`aios_finding`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeFinding
{
    internal nuint StructSize;
    internal NativeStr Code;
    internal NativeStr Message;
    internal NativeStr Meaning;
    internal NativeStr Effect;
    internal NativeStr Remedy;
    internal NativeStr* Paths;
    internal nuint PathCount;
    internal uint Severity;
    internal uint Reserved;
}

/// <summary>`aios_problem`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeProblem
{
    internal nuint StructSize;
    internal NativeStr Path;
    internal NativeStr Message;
}

/// <summary>`aios_repair_options`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRepairOptions
{
    internal nuint StructSize;
    internal NativeStr Base;
    internal NativeStr* Wheelhouses;
    internal nuint WheelhouseCount;
    internal ulong Snapshot;
    internal nint Progress;
}

/// <summary>`aios_plan_info`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativePlanInfo
{
    internal nuint StructSize;
    internal NativeStr Prefix;
    internal NativeStr Refusal;
    internal nuint StepCount;
    internal nuint UnsolvedCount;
    internal nuint FindingCount;
    internal uint Health;
    internal uint Reserved;
}

/// <summary>`aios_step`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeStep
{
    internal nuint StructSize;
    internal NativeStr Action;
    internal NativeStr What;
    internal NativeStr* Reasons;
    internal nuint ReasonCount;
    internal NativeStr* Paths;
    internal nuint PathCount;
}

/// <summary>`aios_unsolved`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeUnsolved
{
    internal nuint StructSize;
    internal NativeStr Code;
    internal NativeStr Hint;
}

/// <summary>`aios_repaired`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRepaired
{
    internal nuint StructSize;
    internal uint Outcome;
    internal uint Health;
    internal nuint FindingCount;
    internal uint Rounds;
    internal uint Reserved;
}

/// <summary>`aios_bytes`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeBytes
{
    internal byte* Ptr;
    internal nuint Len;

    internal readonly ReadOnlySpan<byte> Span => new(Ptr, checked((int)Len));
}

/// <summary>`aios_snapshot_info`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeSnapshotInfo
{
    internal nuint StructSize;
    internal ulong Id;
    internal ulong Parent;
    internal ulong TimeMs;
    internal ulong Records;
    internal ulong Bytes;
    internal NativeStr Name;
    internal NativeStr Reason;
    internal fixed byte Hash[32];
}

/// <summary>`aios_value`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeValue
{
    internal nuint StructSize;
    internal NativeBytes Bytes;
    internal ulong Weight;
    internal uint Severity;
    internal ushort Tag;
    internal ushort Reserved;
}

/// <summary>`aios_entry`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeEntry
{
    internal nuint StructSize;
    internal NativeBytes Key;
    internal NativeBytes Bytes;
    internal ulong Weight;
    internal ulong Records;
    internal uint Severity;
    internal ushort Tag;
    internal ushort IsLevel;
}

/// <summary>`aios_change`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeChange
{
    internal nuint StructSize;
    internal NativeStr Environment;
    internal NativeStr Prefix;
    internal NativeStr Name;
    internal NativeStr Before;
    internal NativeStr After;
    internal NativeBytes* Keys;
    internal nuint KeyCount;
    internal ulong Count;
    internal uint Kind;
    internal uint Reserved;
}

/// <summary>`aios_cue`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCue
{
    internal nuint StructSize;
    internal NativeStr Prefix;
    internal NativeStr* Packages;
    internal nuint PackageCount;
    internal uint Most;
    internal uint Reserved;
}

/// <summary>`aios_recollection`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRecollection
{
    internal nuint StructSize;
    internal ulong Snapshot;
    internal ulong TimeMs;
    internal double Similarity;
    internal ulong Shared;
    internal uint IsExact;
    internal uint Reserved;
}

/// <summary>`aios_state_info`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeStateInfo
{
    internal nuint StructSize;
    internal ulong Version;
    internal uint IsClosed;
    internal uint IsPublished;
}

/// <summary>`aios_published`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativePublished
{
    internal nuint StructSize;
    internal ulong Version;
    internal ulong TimeMs;
    internal ulong Snapshot;
    internal NativeStr Engine;
    internal uint Healthy;
    internal uint Warning;
    internal uint Broken;
    internal uint Reserved;
}

/// <summary>`aios_record`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRecord
{
    internal nuint StructSize;
    internal NativeBytes Bytes;
    internal ulong TimeNs;
    internal ulong Sequence;
    internal ulong Missing;
    internal uint Writer;
    internal uint Kind;
    internal ushort Tag;
    internal fixed ushort Reserved[3];
}

/// <summary>`aios_event`.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeEvent
{
    internal nuint StructSize;
    internal NativeStr Environment;
    internal NativeStr Path;
    internal NativeStr Text;
    internal NativeStr* Codes;
    internal nuint CodeCount;
    internal uint Kind;
    internal uint Before;
    internal uint After;
    internal uint Reserved;
}
