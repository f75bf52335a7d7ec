using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Xunit;

/// <summary>
/// Runs the tests of this assembly whose `Class.Method` contains one of the arguments, each in an object of its own. The last
/// line is `N passed, N failed`.
/// </summary>
internal static class Runner
{
    private static int Main(string[] wanted)
    {
        int passed = 0, failed = 0;
        foreach ((string name, Type type, MethodInfo method, object?[]? data) in Tests())
        {
            if (wanted.Length > 0 && !wanted.Any(part => name.Contains(part, StringComparison.Ordinal))) continue;
            try
            {
                object test = Activator.CreateInstance(type)!;
                using (test as IDisposable) Run(test, method, data);
                passed++;
                Console.WriteLine($"ok     {name}");
            }
            catch (Exception error)
            {
                failed++;
                Console.WriteLine($"FAILED {name}: {error}");
            }
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    private static IEnumerable<(string, Type, MethodInfo, object?[]?)> Tests()
    {
        foreach (Type type in typeof(Runner).Assembly.GetTypes().Where(type => type.IsPublic && !type.IsAbstract))
        {
            foreach (MethodInfo method in type.GetMethods().Where(method => method.IsDefined(typeof(FactAttribute))))
            {
                string name = $"{type.Name}.{method.Name}";
                List<InlineDataAttribute> rows = method.GetCustomAttributes<InlineDataAttribute>().ToList();
                if (rows.Count == 0) yield return (name, type, method, null);
                foreach (InlineDataAttribute row in rows) yield return (name, type, method, row.Data);
            }
        }
    }

    // By delegates where that can be: an exception that goes through reflection does not come back under Wine 8.
    private static void Run(object test, MethodInfo method, object?[]? data)
    {
        if (data != null)
        {
            (method.Invoke(test, BindingFlags.DoNotWrapExceptions, null, data, null) as Task)?.GetAwaiter().GetResult();
        }
        else if (method.ReturnType == typeof(Task))
        {
            method.CreateDelegate<Func<Task>>(test)().GetAwaiter().GetResult();
        }
        else
        {
            method.CreateDelegate<Action>(test)();
        }
    }
}
