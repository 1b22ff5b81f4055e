using System.Text.Json;
using Broker.Endpoints;

namespace TicTacToe;

/// <summary>
/// Reads what players ask for in /topic/tictactoe.GAME.moves, one message after another, and keeps what came of it as the retained
/// value of /topic/tictactoe.GAME.board. What anybody else writes there is overruled.
/// </summary>
internal sealed partial class Referee(StompBroker broker, ILogger<Referee> log) : BackgroundService
{
    private const int MostGames = 10_000;
    private const string Moves = ".moves";
    private const string Board = ".board";

    private readonly Dictionary<string, Game> _games = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (StompMessage message in broker.Subscribe("/topic/tictactoe.*.*", stoppingToken))
        {
            string name = message.Destination[..^Moves.Length];
            Game game = _games.GetValueOrDefault(name, Game.Empty);
            if (message.Destination.EndsWith(Board, StringComparison.Ordinal) && (message.Text != Text(game) || message["retain"] == "remove"))
                await PublishAsync(name, game);
            if (!message.Destination.EndsWith(Moves, StringComparison.Ordinal) || message.UserId is not { } who)
                continue;

            Game next = game.After(who, message.Text, IsAway);
            if (next == game || _games.Count == MostGames && !_games.ContainsKey(name))
                continue;
            _games[name] = next;
            await PublishAsync(name, next);
        }
    }

    private static string Text(Game game) => JsonSerializer.Serialize(game, GameJson.Default.Game);

    private bool IsAway(string? player) => !broker.Sessions.Any(session => session.User is { } user && user == player);

    private async Task PublishAsync(string name, Game game)
    {
        try
        {
            await broker.PublishAsync(name + Board, game, GameJson.Default.Game, retain: true);
        }
        catch (StompBrokerException refusal)
        {
            LogRefused(log, refusal.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The broker refused a board: {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);
}
