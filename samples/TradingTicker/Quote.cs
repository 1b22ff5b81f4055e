using System.Text.Json.Serialization;

namespace TradingTicker;

/// <summary>What is published for each trade.</summary>
/// <param name="Symbol">Such as BRK.B.</param>
/// <param name="Price">In dollars.</param>
/// <param name="Change">Against the previous day's close, in dollars.</param>
/// <param name="Volume">Shares traded today.</param>
/// <param name="Time">Milliseconds since 1970, with fractions.</param>
/// <param name="Number">Counts the company's quotes, from 1.</param>
/// <param name="Sequence">Counts all quotes of the market, from 1: the sum of all companies' numbers.</param>
internal readonly record struct Quote(string Symbol, double Price, double Change, long Volume, double Time, long Number, long Sequence);

/// <summary>What its quotes do not tell of a listed company.</summary>
/// <param name="Symbol">Such as BRK.B.</param>
/// <param name="Name">The company.</param>
/// <param name="Sector">Its sector.</param>
/// <param name="Trend">Prices of the last minutes, a few seconds apart, oldest first.</param>
internal sealed record Company(string Symbol, string Name, string Sector, double[] Trend);

/// <summary>Where a price has been, a second apart: times in milliseconds since 1970, and prices.</summary>
internal sealed record PriceHistory(string Symbol, double[] Times, double[] Prices);

/// <summary>What the feed says about itself.</summary>
/// <param name="Rate">Quotes a second that it aims at.</param>
/// <param name="Published">Quotes since it started.</param>
internal sealed record FeedState(int Rate, long Published);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Quote))]
[JsonSerializable(typeof(FeedState))]
[JsonSerializable(typeof(Company[]))]
[JsonSerializable(typeof(PriceHistory))]
internal sealed partial class TickerJson : JsonSerializerContext;
