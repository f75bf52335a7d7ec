namespace Aios;

/// <summary>
/// Locks of whole files, which the system releases when a process ends: proof that their holder lives. .NET takes them by
/// sharing: with nobody is `flock` exclusive, with readers shared.
/// </summary>
internal static class RowLock
{
    /// <summary><c>null</c> when somebody holds it.</summary>
    internal static FileStream? Take(Place place, string name)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        string path = Path.Combine(place.RunFolder, name + ".lock");
        try
        {
            return new FileStream(path, options);
        }
        catch (IOException error) when (error is not (FileNotFoundException or DirectoryNotFoundException))
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new AiosException(AiosStatus.Io, $"cannot open `{path}`: {error.Message}", inner: error);
        }
    }

    /// <summary>Whether the owner of a lock lives: its process runs, or it holds the lock.</summary>
    internal static bool IsHeld(Place place, string name, ulong owner)
    {
        if (ProcessMark.Runs(owner)) return true;
        try
        {
            using var look = new FileStream(
                Path.Combine(place.RunFolder, name + ".lock"), FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
