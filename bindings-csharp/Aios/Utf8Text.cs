using System.Text;

namespace Aios;

/// <summary>
/// Text, or the bytes of a path, in place. Text is UTF-8; a path is its bytes as the system has them: any on Unix,
/// WTF-8 on Windows.
/// </summary>
public readonly ref struct Utf8Text
{
    internal Utf8Text(ReadOnlySpan<byte> bytes, bool isAbsent)
    {
        Bytes = bytes;
        IsAbsent = isAbsent;
    }

    /// <summary>The bytes; none when it is absent.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>Whether there is none, which is not the same as an empty one.</summary>
    public bool IsAbsent { get; }

    /// <summary>Whether it has these bytes.</summary>
    public bool Is(ReadOnlySpan<byte> utf8) => !IsAbsent && Bytes.SequenceEqual(utf8);

    /// <summary>A string of its own. What is not Unicode is replaced; an absent text is empty.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes);

    /// <summary>The same, and <c>null</c> for an absent text.</summary>
    public string? ToStringOrNull() => IsAbsent ? null : ToString();
}
