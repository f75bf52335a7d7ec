using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Aios;

/// <summary>
/// Named shared memory that another process made, mapped. What stands in it is untrusted: whoever reads it checks.
/// Offsets are the callers': they are checked against <see cref="Length"/>.
/// </summary>
internal sealed unsafe class Segment : IDisposable
{
    private const int PreambleBytes = 64;
    private const int Ready = 1;
    private const int Closed = 2;
    private const int Tries = 50;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(10);

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly SafeMemoryMappedViewHandle _handle;
    private readonly byte* _start;

    private Segment(string name, MemoryMappedFile file, MemoryMappedViewAccessor view)
    {
        Name = name;
        _file = file;
        _view = view;
        _handle = view.SafeMemoryMappedViewHandle;
        byte* start = null;
        _handle.AcquirePointer(ref start);
        _start = start + view.PointerOffset;
        Length = (long)Math.Min(_handle.ByteLength, long.MaxValue);
    }

    internal string Name { get; }

    /// <summary>Bytes of it, as its maker says once it is checked.</summary>
    internal long Length { get; private set; }

    /// <summary>When it was made: another one of its name was made at another time.</summary>
    internal ulong Made => Read(24);

    internal bool IsReady => State == Ready;

    /// <summary>Whether its owner ended, or made another one.</summary>
    internal bool IsClosed => State == Closed;

    /// <summary>Who made it or took it over.</summary>
    internal ulong Owner => Read(32);

    private uint State => (uint)(Read(8) >> 32);

    /// <summary>Opens what its owner made; waits for one that is being made.</summary>
    internal static Segment Open(Place place, string what, ReadOnlySpan<byte> magic, bool writable)
    {
        string name = place.Name(what);
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            if (attempt > 0) Thread.Sleep(BetweenTries);
            Segment? segment = Map(place, name, writable);
            if (segment == null) continue;
            if (segment.Length < PreambleBytes || segment.IsReady)
            {
                segment.Check(magic);
                return segment;
            }
            segment.Dispose();
        }
        throw new AiosException(AiosStatus.Busy, $"the shared memory `{name}` is not ready", "try again");
    }

    /// <summary><c>null</c> when it has no bytes yet.</summary>
    private static Segment? Map(Place place, string name, bool writable)
    {
        var access = writable ? MemoryMappedFileAccess.ReadWrite : MemoryMappedFileAccess.Read;
        MemoryMappedFile? file = OperatingSystem.IsWindows() ? OfName(place, name, writable) : OfFile(place, name, access);
        if (file == null) return null;
        try
        {
            return new Segment(name, file, file.CreateViewAccessor(0, 0, access));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("windows")]
    private static MemoryMappedFile OfName(Place place, string name, bool writable)
    {
        try
        {
            var rights = writable ? MemoryMappedFileRights.ReadWrite : MemoryMappedFileRights.Read;
            return MemoryMappedFile.OpenExisting(name, rights);
        }
        catch (FileNotFoundException)
        {
            throw Missing(place);
        }
        catch (UnauthorizedAccessException)
        {
            throw Foreign(name);
        }
    }

    private static MemoryMappedFile? OfFile(Place place, string name, MemoryMappedFileAccess access)
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("on this system shared memory has no files: use `Engine`, which calls the library");
        FileStream file;
        try
        {
            var wanted = access == MemoryMappedFileAccess.Read ? FileAccess.Read : FileAccess.ReadWrite;
            file = new FileStream("/dev/shm/" + name, FileMode.Open, wanted, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            throw Missing(place);
        }
        catch (UnauthorizedAccessException)
        {
            throw Foreign(name);
        }
        try
        {
            if (!SystemCalls.IsOwn(file.SafeFileHandle)) throw Foreign(name);
            if (file.Length > 0)
                return MemoryMappedFile.CreateFromFile(file, null, 0, access, HandleInheritability.None, leaveOpen: false);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        file.Dispose();
        return null;
    }

    private static AiosException Missing(Place place) =>
        new(AiosStatus.NotFound, $"nothing is published for `{place.Folder}`", "start `aios serve`");

    private static AiosException Foreign(string name) =>
        new(AiosStatus.Foreign, $"the shared memory `{name}` belongs to another user or is open to others, and is not used",
            "remove it, or set AIOS_HOME to a folder of your own");

    internal AiosException Damaged(string what) => new(AiosStatus.Damaged, $"the shared memory `{Name}` {what}");

    private void Check(ReadOnlySpan<byte> magic)
    {
        try
        {
            if (Length < PreambleBytes) throw Damaged("is shorter than its preamble");
            if (!new ReadOnlySpan<byte>(_start, 8).SequenceEqual(magic)) throw Damaged("holds something else");
            uint version = (uint)Read(8);
            if (version != 1)
                throw new AiosException(AiosStatus.TooNew, $"the shared memory `{Name}` has layout {version}, and this program reads 1");
            ulong says = Read(16);
            // Mappings have whole pages.
            if (says < PreambleBytes || says > (ulong)Length || (ulong)Length - says >= 64 << 10)
                throw Damaged($"says that it has {says} bytes, and has {Length}");
            Length = (long)says;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A word, with what was written before it. The offset is one of the layout, a multiple of 8.</summary>
    internal ulong Read(long at) => Volatile.Read(ref *(ulong*)At(at, 8));

    /// <summary>A word, after what was done before.</summary>
    internal void Write(long at, ulong value) => Volatile.Write(ref *(ulong*)At(at, 8), value);

    internal bool Exchange(long at, ulong before, ulong value) =>
        Interlocked.CompareExchange(ref *(ulong*)At(at, 8), value, before) == before;

    /// <summary>Bytes, in place.</summary>
    internal ReadOnlySpan<byte> Bytes(long at, int length) => new(At(at, length), length);

    private byte* At(long at, long length)
    {
        if (at < 0 || length < 0 || at > Length - length) throw Damaged("leads out of itself");
        return _start + at;
    }

    public void Dispose()
    {
        if (_handle.IsClosed) return;
        _handle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
