// As much of xunit as the tests need, for a machine without the .NET SDK. With it the tests are compiled with xunit itself.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;

namespace Xunit;

[AttributeUsage(AttributeTargets.Method)]
public class FactAttribute : Attribute
{
    public string? Skip { get; set; }
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class TheoryAttribute : FactAttribute;

[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class InlineDataAttribute(params object?[] data) : Attribute
{
    public object?[] Data { get; } = data;
}

[AttributeUsage(AttributeTargets.Assembly)]
public sealed class CollectionBehaviorAttribute : Attribute
{
    /// <summary>Tests run one after the other anyhow.</summary>
    public bool DisableTestParallelization { get; set; }
}

public sealed class AssertionException(string message) : Exception(message);

public static class Assert
{
    public static void True(bool condition, string? message = null)
    {
        if (!condition) throw new AssertionException(message ?? "true was expected");
    }

    public static void False(bool condition, string? message = null) => True(!condition, message ?? "false was expected");

    public static void Null(object? value) => True(value == null, $"nothing was expected, not {value}");

    public static void NotNull(object? value) => True(value != null, "something was expected");

    public static void Same(object? expected, object? actual) =>
        True(ReferenceEquals(expected, actual), "the same object was expected");

    public static void Equal<T>(T expected, T actual)
    {
        bool areEqual = expected is IEnumerable one && actual is IEnumerable other && expected is not string
            ? one.Cast<object?>().SequenceEqual(other.Cast<object?>())
            : EqualityComparer<T>.Default.Equals(expected, actual);
        True(areEqual, $"expected: {Shown(expected)}\n  actual: {Shown(actual)}");
    }

    public static void NotEqual<T>(T expected, T actual) =>
        False(EqualityComparer<T>.Default.Equals(expected, actual), $"another value was expected than {actual}");

    public static void Contains(string part, string? whole) =>
        True(whole != null && whole.Contains(part, StringComparison.Ordinal), $"`{part}` was expected in `{whole}`");

    public static void Contains<T>(T one, IEnumerable<T> all) => True(all.Contains(one), $"{one} was expected in {Shown(all)}");

    public static void Empty(IEnumerable all) => False(all.Cast<object?>().Any(), $"nothing was expected: {Shown(all)}");

    public static T Single<T>(IEnumerable<T> all)
    {
        List<T> found = all.ToList();
        True(found.Count == 1, $"one was expected: {Shown(found)}");
        return found[0];
    }

    public static void InRange<T>(T value, T low, T high) where T : IComparable =>
        True(value.CompareTo(low) >= 0 && value.CompareTo(high) <= 0, $"{value} is not from {low} to {high}");

    public static T Throws<T>(Action action) where T : Exception
    {
        try
        {
            action();
        }
        catch (Exception error)
        {
            return error as T is { } wanted && error.GetType() == typeof(T)
                ? wanted
                : throw new AssertionException($"{typeof(T)} was expected, not {error}");
        }
        throw new AssertionException($"{typeof(T)} was expected");
    }

    public static T Throws<T>(Func<object?> function) where T : Exception => Throws<T>(() => { function(); });

    public static async Task<T> ThrowsAsync<T>(Func<Task> function) where T : Exception
    {
        try
        {
            await function();
        }
        catch (T error) when (error.GetType() == typeof(T))
        {
            return error;
        }
        throw new AssertionException($"{typeof(T)} was expected");
    }

    private static string Shown(object? value) => value switch
    {
        null => "null",
        string text => text,
        IEnumerable all => $"[{string.Join(", ", all.Cast<object?>())}]",
        _ => value.ToString() ?? "",
    };
}
