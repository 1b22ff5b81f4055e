using System.Text.Json.Serialization;

namespace TicTacToe;

/// <summary>A game, and the body of what is published about it. Immutable.</summary>
/// <param name="Cells">Row by row: X, O, or a space.</param>
/// <param name="X">Who plays X; null while the seat is free.</param>
/// <param name="O">Who plays O; null while the seat is free.</param>
internal sealed record Game(string Cells, string? X, string? O)
{
    private static readonly int[][] Lines = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

    public static Game Empty { get; } = new("         ", null, null);

    /// <summary>The three cells that won; null while there are none.</summary>
    public int[]? Line => Lines.FirstOrDefault(line => Cells[line[0]] != ' ' && line.All(cell => Cells[cell] == Cells[line[0]]));

    /// <summary>X or O; null when the game is over.</summary>
    public string? Turn => Line is not null || !Cells.Contains(' ') ? null : Cells.Count(cell => cell == ' ') % 2 == 1 ? "X" : "O";

    /// <summary>
    /// The game after what somebody asked for: a seat (X or O), a cell (0 to 8) or a restart. The same game when that is against the rules.
    /// </summary>
    public Game After(string who, string wish, Func<string?, bool> isAway) => wish switch
    {
        "X" when isAway(X) && O != who => this with { X = who },
        "O" when isAway(O) && X != who => this with { O = who },
        "restart" when who == X || who == O => this with { Cells = Empty.Cells },
        [>= '0' and <= '8'] when Cells[wish[0] - '0'] == ' ' && Turn is { } turn && who == (turn == "X" ? X : O) =>
            this with { Cells = Cells.Remove(wish[0] - '0', 1).Insert(wish[0] - '0', turn) },
        _ => this,
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Game))]
internal sealed partial class GameJson : JsonSerializerContext;
