using System.Diagnostics;
using System.Globalization;

namespace Aios;

/// <summary>
/// A process, and not another one that was given its number: a word of shared memory, with the number in the lower
/// half and when it started in the upper one.
/// </summary>
internal static class ProcessMark
{
    internal static readonly ulong Own = (ulong)(StartOf(Environment.ProcessId) ?? 0) << 32 | (uint)Environment.ProcessId;

    /// <summary>Whether it runs or is stopped. 0 is nobody.</summary>
    internal static bool Runs(ulong mark) =>
        (uint)mark != 0 && StartOf((int)(uint)mark) == (uint)(mark >> 32);

    private static uint? StartOf(int process)
    {
        try
        {
            if (OperatingSystem.IsLinux()) return StartOnLinux(File.ReadAllText($"/proc/{process}/stat"));
            using Process found = Process.GetProcessById(process);
            return (uint)found.StartTime.ToFileTimeUtc();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException
            or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Fields 3, 20 and 22 of proc(5): its state, threads and start in clock ticks.</summary>
    private static uint? StartOnLinux(string stat)
    {
        // The name of the program stands in parentheses, and may hold blanks and parentheses.
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool hasEnded = fields[0] is "Z" or "X" or "x";
        if (hasEnded && int.Parse(fields[17], CultureInfo.InvariantCulture) <= 1) return null;
        return (uint)ulong.Parse(fields[19], CultureInfo.InvariantCulture);
    }
}
