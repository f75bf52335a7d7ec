using System.Text;

namespace Aios.Native;

/// <summary>From statuses to exceptions.</summary>
internal static unsafe class NativeError
{
    internal static void Check(AiosStatus status)
    {
        if (status != AiosStatus.Ok) throw Of(status);
    }

    /// <summary>What was cancelled is told as .NET tells it.</summary>
    internal static void Check(AiosStatus status, CancellationToken cancellation)
    {
        if (status == AiosStatus.Cancelled) cancellation.ThrowIfCancellationRequested();
        Check(status);
    }

    /// <summary>Whether something is there; what else is wrong is thrown.</summary>
    internal static bool IsFound(AiosStatus status)
    {
        if (status is AiosStatus.NotFound) return false;
        Check(status);
        return true;
    }

    private static Exception Of(AiosStatus status)
    {
        string message = Said(&NativeMethods.aios_last_error_message), hint = Said(&NativeMethods.aios_last_error_hint);
        return new AiosException(status, message, hint);
    }

    private static string Said(delegate*<byte*, nuint, nuint> says)
    {
        int length = (int)says(null, 0);
        if (length == 0) return "";
        byte[] bytes = new byte[length + 1];
        fixed (byte* start = bytes) says(start, (nuint)bytes.Length);
        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
