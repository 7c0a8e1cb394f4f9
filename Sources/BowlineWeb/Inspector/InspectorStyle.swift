// The style sheet. Two sets of colours: the system's choice counts until the button gives the root a `data-theme`.

enum InspectorStyle {
    static let text = colours + layout + tables

    private static let light = """
        color-scheme: light; --ground: #f6f7f9; --panel: #ffffff; --ink: #1b2330; --soft: #4d5a6b; --faint: #697586;
        --line: #dfe3e9; --hover: #eef2f8; --accent: #1f5fbf; --good: #146c3c; --good-ground: #e0f3e7;
        --warn: #7a4b00; --warn-ground: #fdeecb; --bad: #a3202c; --bad-ground: #fbe3e4; --pin: #5a35a8;
        --pin-ground: #ece5fb; --calm: #3d4a5c; --calm-ground: #e8ecf2;
        """

    private static let dark = """
        color-scheme: dark; --ground: #11151b; --panel: #181e26; --ink: #e4e9f0; --soft: #b2bdcb; --faint: #8e9aab;
        --line: #2a323d; --hover: #202834; --accent: #7fb2ff; --good: #7fdba4; --good-ground: #143222;
        --warn: #f2c46b; --warn-ground: #3a2c10; --bad: #ff9a9f; --bad-ground: #421d21; --pin: #c3a9ff;
        --pin-ground: #2d2349; --calm: #b9c4d3; --calm-ground: #27303c;
        """

    private static let colours = """
        :root { \(light) }
        @media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { \(dark) } }
        :root[data-theme="dark"] { \(dark) }

        """

    private static let layout = """
        * { box-sizing: border-box; }
        html { scroll-padding-top: 3.5rem; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 13px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums; }
        a { color: var(--accent); text-decoration: none; }
        a:hover { text-decoration: underline; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
        .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: .5rem; z-index: 9; background: var(--panel); padding: .4rem .8rem; }
        .faint, small { color: var(--faint); }
        .bad { color: var(--bad); }
        header { position: sticky; top: 0; z-index: 5; display: flex; align-items: center; gap: 1.25rem;
          padding: .55rem 1.5rem; background: var(--panel); border-bottom: 1px solid var(--line); }
        h1 { margin: 0; font-size: 15px; font-weight: 650; letter-spacing: -.01em; white-space: nowrap; }
        h1 span { color: var(--faint); font-weight: 400; }
        nav { display: flex; gap: 1rem; flex: 1; overflow-x: auto; }
        nav a { color: var(--soft); white-space: nowrap; }
        #live { margin: 0; color: var(--faint); white-space: nowrap; }
        #live.on::before { content: ""; display: inline-block; width: 7px; height: 7px; margin-right: .45rem;
          border-radius: 50%; background: var(--good); }
        #live.lost { color: var(--bad); }
        button { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
          border-radius: 6px; padding: .2rem .65rem; cursor: pointer; white-space: nowrap; }
        button:hover { background: var(--hover); border-color: var(--faint); }
        main { max-width: 1760px; margin: 0 auto; padding: 1.25rem 1.5rem 3rem; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
          margin: 0 0 1.5rem; }
        .figures div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
          padding: .6rem .9rem .65rem; }
        dt { color: var(--soft); }
        dd { margin: 0; }
        .figures dd { font-size: 22px; font-weight: 600; letter-spacing: -.02em; line-height: 1.25; }
        .figures small { display: block; font-size: 12px; font-weight: 400; letter-spacing: 0; }
        .counters { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0 1.75rem;
          margin: 0 0 .75rem; padding: .5rem .9rem; background: var(--panel); border: 1px solid var(--line);
          border-radius: 8px; }
        .counters div { display: flex; justify-content: space-between; padding: .28rem 0; }
        section { margin: 0 0 1.75rem; }
        h2 { margin: 0 0 .5rem; font-size: 15px; font-weight: 600; }
        .size { color: var(--faint); font-weight: 400; margin-left: .3rem; }
        .tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: .5rem; }
        .tools p { margin: 0; color: var(--soft); }
        #search { display: flex; gap: .4rem; }
        input[type="search"] { font: inherit; width: 20rem; max-width: 60vw; padding: .22rem .6rem; color: var(--ink);
          background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
        input::placeholder { color: var(--faint); opacity: 1; }

        """

    private static let tables = """
        .scroll { position: relative; overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
        table { border-collapse: collapse; width: 100%; }
        caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        th, td { padding: .34rem .6rem; text-align: left; vertical-align: top; white-space: nowrap; }
        th { font-weight: 500; font-size: 12px; border-bottom: 1px solid var(--line); }
        th a { color: var(--soft); }
        th[aria-sort] a { color: var(--ink); font-weight: 650; }
        th[aria-sort="ascending"] a::after { content: " ↑"; }
        th[aria-sort="descending"] a::after { content: " ↓"; }
        th:first-child, td:first-child { padding-left: .9rem; }
        th:last-child, td:last-child { padding-right: .9rem; }
        .number { text-align: right; }
        tbody tr + tr td { border-top: 1px solid var(--line); }
        tbody tr:hover td { background: var(--hover); }
        tr[hidden] { display: none; }
        tr.empty td { color: var(--faint); padding: .8rem .9rem; }
        tr.new td { animation: arrive 1.6s ease-out; }
        @keyframes arrive { from { background: var(--good-ground); } }
        @media (prefers-reduced-motion: reduce) { tr.new td { animation: none; } }
        .c-name { font-weight: 550; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; }
        .c-data, .c-failure, .c-servers { max-width: 24rem; white-space: normal; overflow-wrap: anywhere; }
        .c-data { min-width: 9rem; }
        .c-flush { position: sticky; right: 0; background: var(--panel); }
        .state { display: inline-block; padding: 0 .5rem; border-radius: 9px; font-size: 12px; line-height: 18px;
          color: var(--calm); background: var(--calm-ground); }
        .s-fresh, .s-good, .s-connected { color: var(--good); background: var(--good-ground); }
        .s-stale, .s-connecting, .s-closing { color: var(--warn); background: var(--warn-ground); }
        .s-failed, .s-failing { color: var(--bad); background: var(--bad-ground); }
        .s-pinned { color: var(--pin); background: var(--pin-ground); }
        .bar { display: block; margin: 3px 0 0 auto; }
        .bar rect { fill: var(--accent); }
        .bar .rail { fill: var(--line); }
        .curve { display: block; }
        .curve polyline { fill: none; stroke: var(--accent); stroke-width: 1.4; stroke-linejoin: round; }
        .curve polygon { fill: var(--accent); opacity: .13; }
        .curve circle { fill: var(--accent); }
        .flush { margin: 0; }
        td .flush button { padding: 0 .5rem; font-size: 12px; line-height: 18px; color: var(--soft); }
        @media (max-width: 700px) { header { flex-wrap: wrap; gap: .4rem .8rem; padding: .5rem .8rem; }
          main { padding: .8rem; } nav { order: 3; flex-basis: 100%; } }

        """
}
