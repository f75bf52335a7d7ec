// Attaches to `aios serve`, lists the broken environments, and follows what happens to all.
//
//   Monitor [MILLISECONDS]   ends when nothing happened for so long; without, never
//
// It reads shared memory: nothing is asked of the service, nothing keeps it waiting, and no native library is needed.

using System;
using System.Globalization;
using System.Threading;
using Aios;

int limit = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Timeout.Infinite;
try
{
    Place place = Place.Current();
    ListBroken(place);
    Follow(place, limit);
    return 0;
}
catch (AiosException error)
{
    Console.Error.WriteLine($"error: {error.Message}");
    return 2;
}

static void ListBroken(Place place)
{
    using PublishedState state = PublishedState.Open(place);
    // Pinned: it stays as it is until the end of the block. Not for long, the service uses the memory again.
    using PinnedState pinned = state.Pin();
    foreach (EnvironmentRecord one in pinned)
        if (one.Health == Health.Broken)
            Console.WriteLine($"broken: {one.Prefix.ToString()} ({one.Findings[0].Code.ToString()})");
}

static void Follow(Place place, int limit)
{
    using RingReader reader = RingReader.Open(place, RingStart.Oldest);
    for (long idle = Environment.TickCount64; ;)
    {
        while (reader.TryRead(out RingRecord record))
        {
            idle = Environment.TickCount64;
            if (record.Kind == RecordKind.Gap) Console.WriteLine($"{record.Missing} are missing");
            // Snapshots are events too, and of no environment.
            if (EnvironmentEvent.TryDecode(record, out EnvironmentEvent? happened) && happened!.Environment != null)
                Console.WriteLine($"{InWords(happened.Before)}, then {InWords(happened.After)}: {happened.Path}");
        }
        if (reader.IsClosed || limit >= 0 && Environment.TickCount64 - idle >= limit) return;
        Thread.Sleep(10);
    }
}

static string InWords(Health health) => health switch
{
    Health.None => "not there",
    Health.Healthy => "healthy",
    Health.Warning => "warning",
    _ => "broken",
};
