// Where the command begins. What it does is in Command.swift.

Command.main(Array(CommandLine.arguments.dropFirst()))
