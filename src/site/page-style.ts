// The style of a page: two palettes with enough contrast, and bars in place of pictures of text.
import { html } from './html.ts';

const LIGHT =
  '--fg:#1b1f24;--bg:#fff;--line:#c8d1da;--dim:#57606a;--link:#0550ae;--ok:#116329;--no:#a40e26;--win:#7d4e00;--second:#0550ae';
const DARK =
  '--fg:#e6edf3;--bg:#0d1117;--line:#30363d;--dim:#9da7b1;--link:#79c0ff;--ok:#56d364;--no:#ff8a80;--win:#e3b341;--second:#79c0ff';

/** The whole style sheet: no font, no picture, nothing from elsewhere. */
export const PAGE_STYLE = html`:root{color-scheme:light dark;${LIGHT}}@media(prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;margin:1.5rem auto;padding:0 1rem}
a{color:var(--link)}nav a{margin-right:.75rem}.outcome{font-size:1.15rem;max-width:60rem}.dim,small,footer,caption,td code,th code{color:var(--dim)}code{font-size:.85em;font-weight:400;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.25rem 0}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}th[scope=row]{font-weight:600}.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.v{font-weight:600}.ok{color:var(--ok)}.no{color:var(--no)}b.win{color:var(--win)}b.second{color:var(--second)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1.5rem}figure{margin:1rem 0}figcaption{font-weight:600}small{font-weight:400}
.bars{list-style:none;margin:.5rem 0;padding:0}.bars li{display:grid;grid-template-columns:8.5rem 1fr 4.5rem;gap:.5rem;align-items:center;min-height:1.75rem;font-size:.9rem}.who{overflow-wrap:anywhere}.bars a{text-align:right;font-variant-numeric:tabular-nums}
.track{background:var(--line);border-radius:3px;height:.9rem}.bar{display:block;height:100%;border-radius:3px;min-width:2px}.base{background:#8c959f}.valid{background:#2da44e}.bar.win{background:#bf8700}.bar.second{background:#218bff}.bad{background:#cf222e}
dt{font-weight:600;margin-top:.5rem}dd{margin:0 0 0 1rem;max-width:60rem}footer{margin:2rem 0;border-top:1px solid var(--line);padding-top:.75rem}th code{white-space:nowrap}@media(max-width:40rem){th,td{padding:.4rem .35rem}.entries thead{display:none}.entries tr{display:grid;grid-template-columns:1fr auto auto;border-bottom:1px solid var(--line)}.entries th,.entries td{border:0}.entries td:last-child{grid-column:1/-1;padding-top:0}.bars li{grid-template-columns:6.5rem 1fr 4rem}}`;
