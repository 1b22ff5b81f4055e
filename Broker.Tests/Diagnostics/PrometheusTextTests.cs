using System.Diagnostics.Metrics;
using System.Globalization;
using Broker.Diagnostics;

namespace Broker.Tests.Diagnostics;

/// <summary>Prometheus text exposition format 0.0.4.</summary>
public class PrometheusTextTests
{
    [Fact]
    public void Instruments_become_families_with_help_type_unit_and_total()
    {
        using var factory = new TestMeterFactory();
        string text = Text(BrokerMetricsTests.Busy(factory));
        text.Should().StartWith("# HELP stompbroker_connections Connections that are open.\n# TYPE stompbroker_connections gauge\nstompbroker_connections 1\n");
        text.Should().Contain("# TYPE stompbroker_connections_closed_total counter\nstompbroker_connections_closed_total{reason=\"slow-consumer\"} 2\n");
        text.Should().Contain("\nstompbroker_handshakes_refused_total{status=\"403\"} 2\n");
        text.Should().Contain("\n# TYPE stompbroker_outbox_size_bytes gauge\nstompbroker_outbox_size_bytes 4096\n");
        text.Should().Contain("\nstompbroker_network_sent_bytes_total 6000000000\n");
        text.Should().Contain("\n# TYPE stompbroker_publisher_stall_seconds_total counter\nstompbroker_publisher_stall_seconds_total 1.5\n");
        text.Should().EndWith("\n").And.NotContain("\r");
    }

    [Fact]
    public void Every_family_is_there_once_and_every_line_is_of_the_form()
    {
        using var factory = new TestMeterFactory();
        string[] lines = Text(BrokerMetricsTests.Busy(factory)).Split('\n')[..^1];
        lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Should().OnlyHaveUniqueItems();
        lines.Should().OnlyContain(line =>
            System.Text.RegularExpressions.Regex.IsMatch(line, "^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ (counter|gauge)|[a-z_]+(\\{[a-z_]+=\"[^\"]*\"\\})? [0-9.E+-]+)$"));
    }

    [Fact]
    public void Facts_about_the_process_are_there()
    {
        using var factory = new TestMeterFactory();
        string text = Text(new BrokerMetrics(factory));
        foreach (string name in new[] { "process_cpu_seconds_total", "process_resident_memory_bytes", "dotnet_gc_heap_size_bytes", "dotnet_threadpool_threads" })
            text.Should().MatchRegex($"\n{name} [0-9.E+-]+\n");
    }

    [Fact]
    public void Labels_help_and_names_are_escaped()
    {
        using var factory = new TestMeterFactory();
        Meter meter = factory.Create("test");
        meter.CreateObservableGauge("9a-b.c", () => new Measurement<long>(1, new KeyValuePair<string, object?>("k.1", "a\"b\\c\nd"), new("n", null)),
            description: "one\\two\nthree");
        Text(meter).Should().Be("# HELP _9a_b_c one\\\\two\\nthree\n# TYPE _9a_b_c gauge\n_9a_b_c{k_1=\"a\\\"b\\\\c\\nd\",n=\"\"} 1\n");
    }

    [Fact]
    public void Numbers_do_not_depend_on_the_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        commas.NumberFormat.NumberDecimalSeparator = ",";
        commas.NumberFormat.NegativeSign = "~";
        try
        {
            CultureInfo.CurrentCulture = commas;
            using var factory = new TestMeterFactory();
            Meter meter = factory.Create("test");
            meter.CreateObservableUpDownCounter("a", () => -3L);
            meter.CreateObservableGauge("b", () => new[] { double.PositiveInfinity, double.NegativeInfinity, double.NaN, -0.25 }
                .Select((value, i) => new Measurement<double>(value, new KeyValuePair<string, object?>("i", i))));
            Text(meter).Should().Contain("\na -3\n").And.Contain("b{i=\"0\"} +Inf\nb{i=\"1\"} -Inf\nb{i=\"2\"} NaN\nb{i=\"3\"} -0.25\n");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Two_brokers_in_a_process_and_other_listeners_do_not_disturb()
    {
        using var factory = new TestMeterFactory();
        using var otherFactory = new TestMeterFactory();
        long seenByOther = 0;
        using var other = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == factory)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        other.SetMeasurementEventCallback<long>((_, _, _, _) => seenByOther++);
        other.Start();
        BrokerMetrics metrics = BrokerMetricsTests.Busy(factory), idle = new(otherFactory);
        Text(metrics).Should().Contain("\nstompbroker_connections_accepted_total 3\n");
        Text(idle).Should().Contain("\nstompbroker_connections_accepted_total 0\n");
        Text(metrics).Should().Contain("\nstompbroker_connections_accepted_total 3\n");
        seenByOther.Should().Be(0);
        other.RecordObservableInstruments();
        seenByOther.Should().BePositive();
    }

    private static string Text(BrokerMetrics metrics)
    {
        using var writer = new StringWriter();
        PrometheusText.Write(metrics, writer);
        return writer.ToString();
    }

    private static string Text(Meter meter)
    {
        using var writer = new StringWriter();
        PrometheusText.WriteMeter(meter, writer);
        return writer.ToString();
    }
}
