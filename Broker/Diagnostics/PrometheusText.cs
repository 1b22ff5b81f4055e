using System.Diagnostics.Metrics;
using System.Globalization;

namespace Broker.Diagnostics;

/// <summary>
/// A broker's metrics, and a few facts about its process, as Prometheus reads them: text exposition format 0.0.4.
/// Stateless: each call listens for as long as it takes, beside any other listener. It can do so because every instrument of
/// <see cref="BrokerMetrics"/> is an observable one; others would have nothing to say in that time.
/// </summary>
internal static class PrometheusText
{
    /// <summary>The media type to serve it as.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes all metrics.</summary>
    public static void Write(BrokerMetrics metrics, TextWriter writer)
    {
        WriteMeter(metrics.Meter, writer);
        WriteProcess(writer);
    }

    /// <summary>Writes the observable instruments of one meter.</summary>
    internal static void WriteMeter(Meter meter, TextWriter writer)
    {
        // In the order in which the instruments were created.
        var families = new List<Family>();
        using (var listener = new MeterListener())
        {
            listener.InstrumentPublished = (instrument, self) =>
            {
                // By identity: a process may have several brokers, each with a meter of this name.
                if (!ReferenceEquals(instrument.Meter, meter) || !instrument.IsObservable)
                    return;
                var family = new Family(instrument);
                families.Add(family);
                self.EnableMeasurementEvents(instrument, family);
            };
            listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
            listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Family)state!).Add(value, tags));
            listener.Start();
            listener.RecordObservableInstruments();
        }

        foreach (Family family in families)
        {
            WriteHead(writer, family.Name, family.IsCounter ? "counter" : "gauge", family.Help);
            foreach ((string labels, string value) in family.Samples)
                writer.Write($"{family.Name}{labels} {value}\n");
        }
    }

    private static void WriteProcess(TextWriter writer)
    {
        Write("process_cpu_seconds_total", "counter", "Processor time used, user and system.", Environment.CpuUsage.TotalTime.TotalSeconds);
        Write("process_resident_memory_bytes", "gauge", "Memory of the process that is in RAM.", Environment.WorkingSet);
        Write("dotnet_gc_heap_size_bytes", "gauge", "Memory that the garbage-collected heap holds.", GC.GetTotalMemory(forceFullCollection: false));
        Write("dotnet_gc_allocated_bytes_total", "counter", "Memory allocated on that heap, ever.", GC.GetTotalAllocatedBytes(precise: true));
        Write("dotnet_gc_pause_seconds_total", "counter", "Time that the garbage collector paused the process.", GC.GetTotalPauseDuration().TotalSeconds);
        Write("dotnet_threadpool_threads", "gauge", "Threads of the thread pool.", ThreadPool.ThreadCount);
        Write("dotnet_threadpool_queue_length", "gauge", "Work items that wait for a thread of the pool.", ThreadPool.PendingWorkItemCount);

        void Write(string name, string type, string help, double value)
        {
            WriteHead(writer, name, type, help);
            writer.Write($"{name} {Number(value)}\n");
        }
    }

    private static void WriteHead(TextWriter writer, string name, string type, string help) =>
        writer.Write($"# HELP {name} {Escape(help)}\n# TYPE {name} {type}\n");

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) => double.IsFinite(value)
        ? value.ToString("R", CultureInfo.InvariantCulture)
        : double.IsNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

    /// <summary>One instrument: what Prometheus calls a metric family.</summary>
    private sealed class Family
    {
        public Family(Instrument instrument)
        {
            IsCounter = instrument is ObservableCounter<long> or ObservableCounter<double>;
            Help = instrument.Description ?? "";
            string suffix = instrument.Unit switch { "By" => "_bytes", "s" => "_seconds", _ => "" };
            string name = Sanitize(instrument.Name, colonAllowed: true);
            Name = (name.EndsWith(suffix, StringComparison.Ordinal) ? name : name + suffix) + (IsCounter ? "_total" : "");
        }

        public bool IsCounter { get; }

        public string Help { get; }

        public string Name { get; }

        public List<(string Labels, string Value)> Samples { get; } = [];

        public void Add(long value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            Samples.Add((Labels(tags), value.ToString(CultureInfo.InvariantCulture)));

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => Samples.Add((Labels(tags), Number(value)));

        private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.IsEmpty)
                return "";
            var labels = new List<string>(tags.Length);
            foreach ((string key, object? tag) in tags)
            {
                string value = Escape(Convert.ToString(tag, CultureInfo.InvariantCulture) ?? "").Replace("\"", "\\\"", StringComparison.Ordinal);
                labels.Add($"{Sanitize(key, colonAllowed: false)}=\"{value}\"");
            }

            return $"{{{string.Join(',', labels)}}}";
        }

        // [a-zA-Z_:][a-zA-Z0-9_:]*, and without the colon for labels.
        private static string Sanitize(string name, bool colonAllowed)
        {
            string clean = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || (c == ':' && colonAllowed) ? c : '_'));
            return char.IsAsciiDigit(clean[0]) ? "_" + clean : clean;
        }
    }
}
