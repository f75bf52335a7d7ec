// Reads what is published and appended, until it is killed; ends when a view or a record is torn.
//
//   together FOLDER

using System;
using System.Numerics;
using Aios;

Place place = Place.Of(args[0]);
for (ulong seen = 0; ;)
{
    try
    {
        using PublishedState state = PublishedState.Open(place);
        using RingReader records = RingReader.Open(place, RingStart.Oldest);
        while (!state.IsClosed)
        {
            if (state.TryPin(out PinnedState pinned))
            {
                using (pinned) CheckView(pinned);
                if (BitOperations.IsPow2(++seen) || seen % 65536 == 0) Console.WriteLine($"viewed {seen}");
            }
            for (int at = 0; at < 64 && records.TryRead(out RingRecord record); at++) CheckRecord(record);
        }
    }
    catch (AiosException error) when (error.Status is AiosStatus.NotFound or AiosStatus.Busy)
    {
        // Between one publisher and the next there is nothing to open.
    }
}

// Every part of a state says which number it is of.
static void CheckView(PinnedState pinned)
{
    if ((ulong)pinned.Count != pinned.Snapshot % 40 + 1) throw new InvalidOperationException("a torn view");
    string prefix = $"/together/{pinned.Snapshot}";
    foreach (EnvironmentRecord one in pinned)
        if (one.Prefix.ToString() != prefix) throw new InvalidOperationException($"{one.Prefix.ToString()} in {prefix}");
}

static void CheckRecord(RingRecord record)
{
    if (record.Kind == RecordKind.Gap) return;
    if (!MetricFrame.TryRead(record.Bytes, out MetricFrame metrics)) throw new InvalidOperationException("nothing else is appended");
    for (int at = 1; at < 7; at++)
        if (metrics.Values[at] != metrics.Values[0]) throw new InvalidOperationException("a torn record");
}
