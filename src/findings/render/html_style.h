/// The style sheet of the HTML report: one column that fits 390 px, light and dark by the reader's
/// preference, and print. Private to findings.
///
/// Colours hold a contrast of at least 4.5 to 1 against their background in both themes
/// (WCAG 2.1, 1.4.3).
#pragma once

#include <string_view>

namespace pgkeep::findings {

inline constexpr std::string_view kHtmlStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --sunken: #f1f3f6; --text: #1b2330; --muted: #566273; --line: #dfe4ea;
  --link: #1d55c4; --error: #b3261e; --error-soft: #fdecea; --warning: #8a5200; --warning-soft: #fff3dc;
  --info: #1d5c9c; --info-soft: #e6f0fb; --good: #1a7340; --good-soft: #e3f4ea; --track: #e6eaef; --shadow: 0 1px 2px rgba(20, 30, 50, .06);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e131a; --card: #161d26; --sunken: #10161e; --text: #e4eaf2; --muted: #9dabbd; --line: #2a3543;
    --link: #8bb4ff; --error: #ff8f85; --error-soft: #3a1d1d; --warning: #f5b656; --warning-soft: #362a14;
    --info: #86b9f7; --info-soft: #17293d; --good: #6bd196; --good-soft: #14301f; --track: #263140; --shadow: none;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; }
main, .bar { width: 100%; max-width: 1180px; margin: 0 auto; padding: 0 20px; }
h1, h2, h3, p, ul, ol, dl, pre, figure { margin: 0; padding: 0; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 30px; letter-spacing: -.01em; }
h2 { font-size: 20px; margin: 44px 0 14px; letter-spacing: -.005em; }
h3 { font-size: 15px; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 6px; }
code, pre, .mono { font-family: ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
.muted { color: var(--muted); }
.small { font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.bar { display: flex; align-items: center; gap: 10px; padding-top: 20px; font-weight: 650; }
.bar svg { flex: none; }
.bar .muted { font-weight: 400; }

.hero { display: grid; grid-template-columns: 1fr auto; gap: 24px 40px; align-items: center; padding: 28px 32px; margin-top: 16px; }
.hero .facts { display: flex; flex-wrap: wrap; gap: 2px 18px; margin-top: 8px; color: var(--muted); overflow-wrap: anywhere; }
.hero .verdict { margin-top: 18px; font-size: 17px; font-weight: 600; }
.pills { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 14px; }
.pill { display: inline-flex; gap: 6px; align-items: baseline; padding: 4px 12px; border-radius: 999px; background: var(--sunken); border: 1px solid var(--line); font-size: 13.5px; }
.pill b { font-size: 15px; font-variant-numeric: tabular-nums; }
.ring { text-align: center; }
.ring svg { display: block; }
.ring .muted { font-size: 13px; margin-top: 4px; }
.ring text { fill: var(--text); font-weight: 700; }
.ring .of { fill: var(--muted); font-weight: 400; }
.track { stroke: var(--track); fill: none; }
.t-error { color: var(--error); } .t-warning { color: var(--warning); } .t-info { color: var(--info); } .t-good { color: var(--good); }
.pill.t-error { background: var(--error-soft); border-color: transparent; } .pill.t-warning { background: var(--warning-soft); border-color: transparent; }
.pill.t-info { background: var(--info-soft); border-color: transparent; } .pill.t-good { background: var(--good-soft); border-color: transparent; }
.notes { margin-top: 14px; padding: 12px 18px; list-style: none; color: var(--muted); font-size: 14px; }
.notes li { padding: 2px 0; overflow-wrap: anywhere; }

.areas { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 12px; }
.area { display: flex; flex-direction: column; min-width: 0; padding: 13px 16px 14px; color: inherit; }
a.area:hover { text-decoration: none; border-color: var(--link); }
.area .top { display: flex; justify-content: space-between; align-items: baseline; gap: 8px; padding-bottom: 8px; }
.area .name { font-weight: 600; min-width: 0; hyphens: auto; overflow-wrap: anywhere; }
.area .number { font-weight: 700; font-size: 17px; font-variant-numeric: tabular-nums; }
.area svg { display: block; flex: none; width: 100%; height: 6px; margin: auto 0 7px; border-radius: 3px; background: var(--track); }
.area .small { color: var(--muted); min-height: 20px; }

.lists { display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 14px; align-items: start; }
.list { padding: 16px 18px 10px; }
.list .top { display: flex; justify-content: space-between; align-items: baseline; gap: 8px; padding-bottom: 6px; }
.list ol { list-style: none; }
.list li { display: grid; grid-template-columns: 20px 1fr; gap: 2px 10px; padding: 9px 0; border-top: 1px solid var(--line); }
.list li > div { min-width: 0; }
.list .mark { margin-top: 3px; }
.list .text { font-weight: 550; overflow-wrap: anywhere; }
.list .evidence { color: var(--muted); font-size: 13.5px; overflow-wrap: anywhere; }
.list .do { margin-top: 6px; }

.tools { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 10px 0; background: var(--page); }
.tools input { flex: 1 1 220px; min-width: 0; padding: 8px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: var(--text); font: inherit; font-size: 14px; }
.tools input::placeholder { color: var(--muted); opacity: 1; }
button { font: inherit; font-size: 13.5px; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 7px 12px; cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--muted); }
.toggle[aria-pressed="false"] { color: var(--muted); background: transparent; text-decoration: line-through; }
.toggle .dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: currentColor; margin-right: 7px; }
.area-block > h3 { margin: 26px 0 10px; font-size: 17px; display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap; scroll-margin-top: 70px; }
.area-block > h3 .muted { font-weight: 400; font-size: 13.5px; }

details.rule { margin-bottom: 10px; overflow: clip; }
summary { cursor: pointer; }
.rule > summary { list-style: none; display: grid; grid-template-columns: auto 1fr auto; gap: 4px 14px; align-items: center; padding: 13px 18px; border-radius: 12px; }
.rule > summary::-webkit-details-marker { display: none; }
.rule > summary:hover { background: var(--sunken); }
.rule > summary .title { font-weight: 600; overflow-wrap: anywhere; }
.rule > summary .id { color: var(--muted); font-size: 12.5px; overflow-wrap: anywhere; }
.rule > summary .side { display: flex; gap: 8px; align-items: center; color: var(--muted); font-size: 13.5px; white-space: nowrap; }
.rule > summary .chevron { transition: transform .15s; color: var(--muted); flex: none; }
.rule[open] > summary .chevron { transform: rotate(90deg); }
.rule[open] > summary { border-bottom: 1px solid var(--line); border-radius: 12px 12px 0 0; }
.badge { display: inline-block; min-width: 70px; text-align: center; padding: 2px 10px; border-radius: 999px; font-size: 12.5px; font-weight: 650; white-space: nowrap; }
.badge.t-error { background: var(--error-soft); } .badge.t-warning { background: var(--warning-soft); }
.badge.t-info { background: var(--info-soft); } .badge.t-good { background: var(--good-soft); }
.badge.plain { background: var(--sunken); color: var(--muted); border: 1px solid var(--line); }
.body { padding: 16px 18px 18px; }
.about { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; font-size: 14px; padding-bottom: 14px; }
.about dt { color: var(--muted); }
.about dd { margin: 0; overflow-wrap: anywhere; }
.finding { border-top: 1px solid var(--line); padding: 14px 0 16px; }
.finding:last-of-type { padding-bottom: 4px; }
.finding .object { font-weight: 600; overflow-wrap: anywhere; }
.finding .message { margin-top: 2px; overflow-wrap: anywhere; }
.facts-list { display: flex; flex-wrap: wrap; gap: 4px 22px; margin-top: 8px; font-size: 13.5px; }
.facts-list div { display: flex; gap: 6px; min-width: 0; }
.facts-list dt { color: var(--muted); white-space: nowrap; }
.facts-list dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; min-width: 0; }
.scroll { overflow-x: auto; margin-top: 10px; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: left; vertical-align: top; padding: 6px 12px; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--muted); font-weight: 600; border-top: 0; background: var(--sunken); white-space: nowrap; }
td { max-width: 460px; overflow-wrap: anywhere; min-width: 70px; }
.fix { margin-top: 12px; }
.fix > .how { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: baseline; font-size: 14px; }
.fix > .how span:last-child { overflow-wrap: anywhere; min-width: 0; }
.code { display: flex; align-items: flex-start; margin-top: 8px; background: var(--sunken); border: 1px solid var(--line); border-radius: 8px; }
.code pre { flex: 1; min-width: 0; overflow-x: auto; padding: 12px 14px; line-height: 1.5; tab-size: 4; border-radius: 8px; }
.code.one pre { padding-top: 8px; padding-bottom: 8px; }
.code button { order: 1; flex: none; margin: 5px; padding: 3px 10px; font-size: 12.5px; }
.undo { margin-top: 8px; font-size: 13.5px; color: var(--muted); }
.undo .code { color: var(--text); }
.all { margin-top: 14px; }
.fold { margin-bottom: 10px; }
.fold > summary { padding: 12px 18px; font-weight: 600; }
.fold > .inner { padding: 0 18px 16px; font-size: 14px; }
.fold ul { list-style: none; columns: 3 260px; column-gap: 28px; }
.fold ul.wide { columns: 1; }
.fold li { padding: 3px 0; break-inside: avoid; overflow-wrap: anywhere; }
.empty { padding: 26px; text-align: center; color: var(--muted); }
footer { margin: 44px 0 40px; color: var(--muted); font-size: 13px; }
footer p { margin-top: 4px; }

@media (max-width: 720px) {
  main, .bar { padding-left: 14px; padding-right: 14px; }
  h1 { font-size: 24px; }
  h2 { margin-top: 34px; }
  .hero { grid-template-columns: 1fr; padding: 20px; gap: 20px; }
  .ring { display: flex; align-items: center; gap: 14px; text-align: left; }
  .ring svg { width: 92px; height: 92px; flex: none; }
  .areas { grid-template-columns: repeat(auto-fill, minmax(155px, 1fr)); gap: 8px; }
  .area { padding: 10px 12px 11px; }
  .area .name { font-size: 14px; }
  .lists { grid-template-columns: 1fr; }
  .tools { gap: 6px; }
  .tools input { flex-basis: 100%; order: -1; }
  .tools .toggle { flex: 1 1 auto; padding: 7px 8px; }
  .rule > summary { grid-template-columns: auto 1fr; padding: 12px 14px; }
  .rule > summary .side { grid-column: 1 / -1; justify-content: flex-start; white-space: normal; }
  .rule > summary .chevron { margin-left: auto; }
  .body { padding: 14px; }
  .about { grid-template-columns: 1fr; gap: 0; }
  .about dd { margin-bottom: 8px; }
}
@media print {
  :root { --page: #fff; --card: #fff; --sunken: #f6f6f6; --shadow: none; }
  body { font-size: 11pt; }
  .tools, button { display: none !important; }
  .card { break-inside: auto; border-radius: 4px; }
  .hero, .area, .finding, .list li { break-inside: avoid; }
  .code pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  main, .bar { max-width: none; padding: 0; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } html { scroll-behavior: auto; } }
)css";

} // namespace pgkeep::findings
