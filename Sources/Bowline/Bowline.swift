// The umbrella: what `import Bowline` brings. The only place where modules are re-exported.

@_exported public import BowlineConnect
@_exported public import BowlineDeferred
@_exported public import BowlineNames
@_exported public import BowlineReactor
@_exported public import BowlineTransport
@_exported public import BowlineWeb
