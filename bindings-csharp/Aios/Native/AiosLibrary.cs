using System.Reflection;
using System.Runtime.InteropServices;
using Aios.Native;

namespace Aios;

/// <summary>
/// The native library `libaios_context`, which <see cref="Engine"/> calls. It is looked for in <see cref="Folder"/> when that is
/// set, else in `runtimes/{rid}/native` beside the program, where the package puts it, and beside the program itself. It
/// is never looked for by its name alone: the working folder may hold another one.
/// </summary>
public static unsafe class AiosLibrary
{
    /// <summary>Of the interface that this assembly is made for.</summary>
    private const uint Major = 1;
    private const uint Minor = 0;

    private static readonly object Lock = new();
    private static string? _folder;
    private static nint _library;

    static AiosLibrary() => NativeLibrary.SetDllImportResolver(typeof(AiosLibrary).Assembly, Resolve);

    /// <summary>The folder that holds the library. It is set before the first use, or not at all.</summary>
    /// <exception cref="InvalidOperationException">The library is loaded already.</exception>
    public static string? Folder
    {
        get
        {
            lock (Lock) return _folder;
        }
        set
        {
            lock (Lock)
            {
                if (_library != 0) throw new InvalidOperationException("the library is loaded already: set `Folder` before its first use");
                _folder = value;
            }
        }
    }

    /// <summary>The version of aios that the library is of.</summary>
    /// <exception cref="AiosException">The library is missing or of another version.</exception>
    public static string Version
    {
        get
        {
            Load();
            NativeStr version;
            NativeError.Check(NativeMethods.aios_version(&version));
            return version.ToString();
        }
    }

    /// <summary>The version of its interface.</summary>
    /// <exception cref="AiosException">The library is missing or of another version.</exception>
    public static Version AbiVersion
    {
        get
        {
            Load();
            uint version = NativeMethods.aios_abi_version();
            return new Version((int)(version >> 16), (int)(version & 0xffff));
        }
    }

    /// <summary>Loads it and looks at its version, once. What fails is tried again by the next call.</summary>
    internal static void Load()
    {
        if (Volatile.Read(ref _library) != 0) return;
        lock (Lock)
        {
            if (_library != 0) return;
            nint library = Open(_folder);
            try
            {
                CheckVersion(library);
            }
            catch
            {
                NativeLibrary.Free(library);
                throw;
            }
            Volatile.Write(ref _library, library);
        }
    }

    private static string FileName =>
        OperatingSystem.IsWindows() ? "aios_context.dll"
        : OperatingSystem.IsMacOS() ? "libaios_context.dylib"
        : "libaios_context.so";

    internal static nint Open(string? folder)
    {
        string program = AppContext.BaseDirectory;
        string[] folders = folder != null
            ? [Path.GetFullPath(folder)]
            : [Path.Combine(program, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"), program];
        foreach (string place in folders)
        {
            string path = Path.Combine(place, FileName);
            if (!File.Exists(path)) continue;
            try
            {
                return NativeLibrary.Load(path);
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                throw new AiosException(
                    AiosStatus.Library, $"`{path}` cannot be loaded: {error.Message}",
                    $"build it for {RuntimeInformation.RuntimeIdentifier}: `cargo build --release -p aios-ffi`", error);
            }
        }
        throw new AiosException(
            AiosStatus.Library, $"`{FileName}` is not in {string.Join(" nor ", folders.Select(place => $"`{place}`"))}",
            "set `AiosLibrary.Folder` to the folder that holds it");
    }

    internal static void CheckVersion(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, "aios_abi_version", out nint function))
            throw new AiosException(AiosStatus.Library, $"`{FileName}` is another library: it has no `aios_abi_version`");
        CheckVersion(((delegate* unmanaged[Cdecl]<uint>)function)());
    }

    internal static void CheckVersion(uint version)
    {
        if (version >> 16 != Major || (version & 0xffff) < Minor)
            throw new AiosException(
                AiosStatus.Library,
                $"the library has version {version >> 16}.{version & 0xffff} of the interface, and {Major}.{Minor} is needed",
                "take library and assembly of the same release");
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
    {
        // Others are the system's.
        if (name != NativeMethods.Library) return 0;
        Load();
        return _library;
    }
}
