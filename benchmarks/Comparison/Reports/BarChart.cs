using System.Globalization;
using System.Net;
using System.Text;

namespace Comparison.Reports;

/// <summary>One bar; without a value there is only its note.</summary>
internal sealed record Bar(string Label, double? Value, bool IsStrong, string Note);

/// <summary>Bars of one figure.</summary>
internal sealed record Panel(string Title, string Unit, IReadOnlyList<Bar> Bars);

/// <summary>Draws panels of horizontal bars as an SVG whose colours can be read on white and on black.</summary>
internal static class BarChart
{
    private const int Width = 760;
    private const int LabelWidth = 160;
    private const int BarWidth = 430;
    private const int BarHeight = 18;
    private const int Step = 24;
    private const int TitleHeight = 30;
    private const int AxisHeight = 46;
    private const int Gap = 6;

    private const string Style = """
        text { font: 13px system-ui, sans-serif; fill: #7d7d7d }
        .title { font-weight: 600 }
        .axis { font-size: 11px }
        .strong { fill: #3b82e0 }
        .plain { fill: #9a9a9a }
        line { stroke: #9a9a9a; stroke-opacity: .35 }
        """;

    public static string Draw(IReadOnlyList<Panel> panels)
    {
        var body = new StringBuilder();
        int y = 8;
        foreach (IGrouping<string, Panel> group in panels.GroupBy(static panel => panel.Unit))
        {
            var scale = Scale.Of([.. group.SelectMany(static panel => panel.Bars).Select(static bar => bar.Value).OfType<double>()]);
            foreach (Panel panel in group)
                y = DrawPanel(body, panel, scale, y);
            y = DrawAxis(body, group.Key, scale, y);
        }

        return Invariant($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {y}" width="{Width}" height="{y}" role="img">
            <style>
            {Style}
            </style>
            {body}</svg>

            """);
    }

    private static int DrawPanel(StringBuilder body, Panel panel, Scale scale, int y)
    {
        int bottom = y + TitleHeight + (Step * panel.Bars.Count) - (Step - BarHeight);
        foreach (double mark in scale.Marks)
        {
            double x = LabelWidth + (BarWidth * scale.Place(mark));
            body.AppendLine(Invariant($"""<line x1="{x:0.#}" y1="{y + TitleHeight - 4}" x2="{x:0.#}" y2="{bottom + 4}"/>"""));
        }

        body.AppendLine(Invariant($"""<text class="title" x="0" y="{y + 16}">{Escape(panel.Title)}</text>"""));
        for (int i = 0; i < panel.Bars.Count; i++)
            DrawBar(body, panel.Bars[i], scale, y + TitleHeight + (Step * i));
        return bottom + Gap;
    }

    private static void DrawBar(StringBuilder body, Bar bar, Scale scale, int y)
    {
        int baseline = y + 14;
        body.AppendLine(Invariant($"""<text x="{LabelWidth - 8}" y="{baseline}" text-anchor="end">{Escape(bar.Label)}</text>"""));
        double width = bar.Value is { } value ? Math.Max(1, BarWidth * scale.Place(value)) : 0;
        if (width > 0)
            body.AppendLine(Invariant($"""<rect class="{(bar.IsStrong ? "strong" : "plain")}" x="{LabelWidth}" y="{y}" width="{width:0.#}" height="{BarHeight}" rx="2"/>"""));
        string words = string.Join(", ", new[] { bar.Value is { } number ? Words.Of(number) : "", bar.Note }.Where(static part => part.Length > 0));
        body.AppendLine(Invariant($"""<text x="{LabelWidth + width + 6:0.#}" y="{baseline}">{Escape(words)}</text>"""));
    }

    private static int DrawAxis(StringBuilder body, string unit, Scale scale, int y)
    {
        foreach (double mark in scale.Marks)
            body.AppendLine(Invariant($"""<text class="axis" x="{LabelWidth + (BarWidth * scale.Place(mark)):0.#}" y="{y + 14}" text-anchor="middle">{Words.Of(mark)}</text>"""));
        body.AppendLine(Invariant($"""<text class="axis" x="{LabelWidth + (BarWidth / 2)}" y="{y + 30}" text-anchor="middle">{Escape(scale.IsLogarithmic ? unit + " (logarithmic)" : unit)}</text>"""));
        return y + AxisHeight;
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
