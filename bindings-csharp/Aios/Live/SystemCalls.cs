using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Principal;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Aios;

/// <summary>What systems call differently, and .NET has no name for. The system's own library alone is called.</summary>
internal static unsafe class SystemCalls
{
    private const int PathBytes = 4096;
    private const int EmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const uint BackupSemantics = 0x0200_0000;
    private const uint ShareAll = 7;
    private const uint OpenExisting = 3;

    /// <summary>Opening a folder for its name follows links, as `realpath` does.</summary>
    internal static string Canonical(string path)
    {
        string? found = OperatingSystem.IsWindows() ? FinalPath(path) : RealPath(path);
        return found ?? throw new AiosException(
            AiosStatus.NotFound, $"there is no folder `{path}`", "`AIOS_HOME` names the folder, and `aios serve` makes it");
    }

    private static string? RealPath(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path + "\0");
        byte* resolved = stackalloc byte[PathBytes + 1];
        fixed (byte* bytes = name)
            return realpath(bytes, resolved) == null ? null : Marshal.PtrToStringUTF8((nint)resolved);
    }

    [SupportedOSPlatform("windows")]
    private static string? FinalPath(string path)
    {
        fixed (char* name = Path.GetFullPath(path) + "\0")
        {
            nint handle = CreateFileW(name, 0, ShareAll, null, OpenExisting, BackupSemantics, 0);
            if (handle == -1) return null;
            using var folder = new SafeFileHandle(handle, ownsHandle: true);
            char* final = stackalloc char[PathBytes];
            uint length = GetFinalPathNameByHandleW(handle, final, PathBytes, 0);
            // Memory disks and some shares do not tell the name of what is open.
            if (length == 0 || length >= PathBytes) return Path.GetFullPath(path);
            var text = new string(final, 0, (int)length);
            if (text.StartsWith(@"\\?\UNC\", StringComparison.Ordinal)) return @"\\" + text[8..];
            return text.StartsWith(@"\\?\", StringComparison.Ordinal) ? text[4..] : text;
        }
    }

    /// <summary>As the names of segments have this user.</summary>
    internal static string User()
    {
        if (OperatingSystem.IsWindows())
        {
            using WindowsIdentity identity = WindowsIdentity.GetCurrent();
            return Digest(identity.User!.Value);
        }
        return geteuid().ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>The first eight hexadecimal digits of SHA-256.</summary>
    internal static string Digest(string text) =>
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)), 0, 4).ToLowerInvariant();

    /// <summary>Whether an open file is this user's, and of no use to others.</summary>
    [SupportedOSPlatform("linux")]
    internal static bool IsOwn(SafeFileHandle file)
    {
        byte* found = stackalloc byte[256];
        byte nothing = 0;
        bool isOpen = false;
        try
        {
            file.DangerousAddRef(ref isOpen);
            if (statx((int)file.DangerousGetHandle(), &nothing, EmptyPath, BasicStats, found) != 0) return false;
        }
        finally
        {
            if (isOpen) file.DangerousRelease();
        }
        // `struct statx` is the same on every Linux.
        uint owner = *(uint*)(found + 20);
        ushort mode = *(ushort*)(found + 28);
        return owner == geteuid() && (mode & 0b111_111) == 0;
    }

    [DllImport("libc", ExactSpelling = true)]
    private static extern byte* realpath(byte* path, byte* resolved);

    [DllImport("libc", ExactSpelling = true)]
    private static extern uint geteuid();

    [DllImport("libc", ExactSpelling = true)]
    private static extern int statx(int folder, byte* path, int flags, uint mask, byte* found);

    [DllImport("kernel32", ExactSpelling = true)]
    private static extern nint CreateFileW(
        char* name, uint access, uint share, void* security, uint disposition, uint flags, nint template);

    [DllImport("kernel32", ExactSpelling = true)]
    private static extern uint GetFinalPathNameByHandleW(nint file, char* path, uint length, uint flags);
}
