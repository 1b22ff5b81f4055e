using System.Reflection;
using System.Reflection.Emit;

namespace Broker.Tests.Architecture;

/// <summary>
/// Folders are layers, namespaces equal folders, and a layer uses only those above it. Read off the compiled assembly: every
/// type that a type's signatures and method bodies name.
/// </summary>
public class LayersTests
{
    private static readonly Dictionary<string, int> Layers = new()
    {
        ["Broker.Configuration"] = 1,
        ["Broker.Messaging"] = 1,
        ["Broker.Diagnostics"] = 1,
        ["Broker.Delivery"] = 2,
        ["Broker.Security"] = 2,
        ["Broker.Storage"] = 2,
        ["Broker.Routing"] = 3,
        ["Broker.Sessions"] = 4,
        ["Broker.Transports.Sockets"] = 5,
        ["Broker.Transports.WebSockets"] = 5,
        ["Broker.Endpoints"] = 6,
        ["Broker"] = 7,
    };

    private static readonly Dictionary<int, OpCode> Instructions = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value & 0xFFFF);

    [Fact]
    public void No_type_names_one_of_a_layer_below_it()
    {
        var upward = new SortedSet<string>();
        foreach ((string user, string used) in References(typeof(Program).Assembly))
        {
            if (Layers[NamespaceOf(used)] > Layers[NamespaceOf(user)])
                upward.Add($"{user} -> {used}");
        }

        upward.Should().BeEmpty();
    }

    [Fact]
    public void Every_type_lives_in_a_known_layer() =>
        typeof(Program).Assembly.GetTypes()
            .Where(type => type.Namespace?.StartsWith("Broker", StringComparison.Ordinal) == true)
            .Select(type => type.Namespace!).Distinct()
            .Should().BeSubsetOf(Layers.Keys);

    [Fact]
    public void The_wire_protocol_needs_the_base_library_only() =>
        typeof(Broker.Stomp.StompParser).Assembly.GetReferencedAssemblies().Select(name => name.Name!)
            .Should().OnlyContain(name => name.StartsWith("System.", StringComparison.Ordinal));

    [Fact]
    public void No_type_is_called_Broker() =>
        typeof(Program).Assembly.GetTypes().Concat(typeof(Broker.Stomp.StompParser).Assembly.GetTypes()).Select(type => type.Name)
            .Should().NotContain(["Broker", "Manager", "Helper", "Util"]);

    private static string NamespaceOf(string type) => type[..type.LastIndexOf('.')];

    /// <summary>Pairs of types of the assembly of which the first names the second, nested types as the one around them.</summary>
    private static IEnumerable<(string User, string Used)> References(Assembly assembly)
    {
        foreach (Type type in assembly.GetTypes())
        {
            Type user = Outermost(type);
            if (user.Namespace is null || !Layers.ContainsKey(user.Namespace))
                continue;
            foreach (string used in UsedBy(type))
                yield return ($"{user.Namespace}.{user.Name}", used);
        }
    }

    private static IEnumerable<string> UsedBy(Type type)
    {
        const BindingFlags All = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var types = new List<Type?> { type.BaseType };
        types.AddRange(type.GetInterfaces());
        types.AddRange(type.GetFields(All).Select(field => field.FieldType));
        foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
        {
            types.AddRange(method.GetParameters().Select(parameter => parameter.ParameterType));
            if (method is MethodInfo { ReturnType: { } result })
                types.Add(result);
            if (method.GetMethodBody() is { } body)
            {
                types.AddRange(body.LocalVariables.Select(local => local.LocalType));
                types.AddRange(Tokens(type, method, body.GetILAsByteArray() ?? []));
            }
        }

        return types.SelectMany(Flatten).Where(used => used.Assembly == type.Assembly).Select(Outermost).Where(used => used.Namespace is not null)
            .Select(used => $"{used.Namespace}.{used.Name}").Where(name => Layers.ContainsKey(NamespaceOf(name))).Distinct();
    }

    /// <summary>The types whose members the instructions of a method body name.</summary>
    private static IEnumerable<Type?> Tokens(Type type, MethodBase method, byte[] code)
    {
        Type[]? ofType = type.IsGenericType ? type.GetGenericArguments() : null;
        Type[]? ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (int i = 0; i < code.Length;)
        {
            OpCode instruction = code[i] == 0xFE ? Instructions[0xFE00 | code[i + 1]] : Instructions[code[i]];
            i += instruction.Size;
            if (instruction.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineTok)
            {
                MemberInfo? member = type.Module.ResolveMember(BitConverter.ToInt32(code, i), ofType, ofMethod);
                yield return member as Type ?? member?.DeclaringType;
            }

            i += instruction.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, i)),
                _ => 4,
            };
        }
    }

    private static IEnumerable<Type> Flatten(Type? type)
    {
        if (type is null)
            yield break;
        if (type.HasElementType)
        {
            foreach (Type inner in Flatten(type.GetElementType()))
                yield return inner;
            yield break;
        }

        yield return type;
        foreach (Type argument in type.GenericTypeArguments.SelectMany(Flatten))
            yield return argument;
    }

    private static Type Outermost(Type type)
    {
        while (type.DeclaringType is not null)
            type = type.DeclaringType;
        return type;
    }
}
