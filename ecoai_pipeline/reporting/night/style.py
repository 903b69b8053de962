"""How the page looks: colours as variables, by day, by night and on paper."""

LIGHT = {
    "ink": "#1c2733",
    "grey": "#55616d",
    "line": "#d7dde3",
    "paper": "#ffffff",
    "back": "#f3f5f7",
    "link": "#155a9c",
    "load": "#1f5fa8",
    "expected": "#6a7682",
    "band": "#d5dce3",
    "mark": "#c8372d",
    "badge": "#a52a21",
    "badge-ink": "#ffffff",
    "r0": "#2166ac",
    "r1": "#6ba3cf",
    "r2": "#bcd5e8",
    "r3": "#e9ecef",
    "r4": "#f5c99b",
    "r5": "#dd8a3c",
    "r6": "#a04d04",
    "sign": "#14202b",
}
DARK = {
    "ink": "#e7ecf1",
    "grey": "#a9b5c1",
    "line": "#35424f",
    "paper": "#1a222a",
    "back": "#11171d",
    "link": "#8cc0f0",
    "load": "#72b0ee",
    "expected": "#93a0ad",
    "band": "#33404d",
    "mark": "#ff7a6e",
    "badge": "#ff9d93",
    "badge-ink": "#1c1210",
    "r0": "#7db5e6",
    "r1": "#4f86b5",
    "r2": "#34536d",
    "r3": "#323c46",
    "r4": "#6e4c2a",
    "r5": "#b06f2d",
    "r6": "#f0a65a",
    "sign": "#f4f7fa",
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = f"""
:root{{{_variables(LIGHT)}color-scheme:light dark}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;padding:1rem;background:var(--back);color:var(--ink);
 font:15px/1.5 system-ui,"Noto Sans KR","Apple SD Gothic Neo","Malgun Gothic",NanumGothic,sans-serif}}
main{{max-width:70rem;margin:auto}}
h1{{font-size:1.5rem;line-height:1.25;margin:.2rem 0}}h2{{font-size:1.15rem;margin:1.8rem 0 .6rem}}h3{{font-size:1rem;margin:0}}
p{{margin:.25rem 0}}a{{color:var(--link)}}.grey{{color:var(--grey)}}.small{{font-size:.86rem}}
.skip{{position:absolute;left:-99rem}}.skip:focus{{left:1rem;background:var(--paper);padding:.4rem}}
nav{{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.9rem}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem}}
.tile,.card,.box{{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .8rem}}
.tile b{{display:block;font-size:1.45rem;line-height:1.2;font-variant-numeric:tabular-nums}}
.tile span{{color:var(--grey);font-size:.86rem;display:block}}
.card{{margin:.8rem 0;padding:.8rem 1rem}}
.card header{{display:flex;flex-wrap:wrap;gap:.1rem .7rem;align-items:baseline}}
.badge{{background:var(--badge);color:var(--badge-ink);border-radius:.4rem;padding:0 .5rem;font-weight:700}}
.figures{{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;margin:.35rem 0;font-size:.9rem}}.figures b{{font-variant-numeric:tabular-nums}}
.card footer{{border-top:1px solid var(--line);margin-top:.5rem;padding-top:.35rem;display:flex;flex-wrap:wrap;gap:.2rem 1rem;
 color:var(--grey);font-size:.8rem;overflow-wrap:anywhere}}
.wide{{overflow-x:auto}}table{{border-collapse:collapse;width:100%;font-size:.9rem}}
th,td{{text-align:left;padding:.25rem .55rem;border-bottom:1px solid var(--line);vertical-align:top}}
thead th{{color:var(--grey);font-weight:600}}td.n,th.n{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}
td.id{{min-width:7rem;overflow-wrap:anywhere}}tbody th{{font-weight:400}}
td.bar{{min-width:5rem;width:40%}}td.bar span{{display:block;height:.7rem;margin-top:.3rem;background:var(--load);border-radius:.15rem}}
.pivot th,.pivot td{{white-space:nowrap}}.shares{{max-width:34rem}}.shares td,.shares th{{border:0;padding:.05rem .5rem .05rem 0}}
details{{margin:.3rem 0}}summary{{cursor:pointer;color:var(--link)}}
.apart{{margin-top:.8rem}}.grid2{{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:.8rem}}
svg{{display:block;width:100%;height:auto}}svg text{{font-size:10px;fill:var(--grey)}}svg text.end{{text-anchor:end}}
.chart .grid{{stroke:var(--line);fill:none;stroke-width:1}}.chart .band{{fill:var(--band)}}
.chart .expected{{stroke:var(--expected);fill:none;stroke-width:1.2;stroke-dasharray:4 2}}
.chart .load{{stroke:var(--load);fill:none;stroke-width:1.5;stroke-linejoin:round}}
.chart .mark{{fill:var(--mark);fill-opacity:.16;stroke:var(--mark);stroke-width:1}}
.legend{{display:flex;flex-wrap:wrap;gap:.1rem .9rem;color:var(--grey);font-size:.8rem}}
.legend i{{display:inline-block;width:.85rem;height:.85rem;margin-right:.3rem;vertical-align:-.1rem;border-radius:.15rem}}
{"".join(f"rect.r{n}{{fill:var(--r{n})}}i.r{n}{{background:var(--r{n})}}" for n in range(7))}
rect.none{{fill:none;stroke:var(--line)}}rect.rest{{fill:var(--r3)}}rect.hot{{fill:var(--r5)}}
rect.frame{{fill:none;stroke:var(--ink);stroke-width:1.4}}
svg text.sign{{font-size:9px;fill:var(--sign);text-anchor:middle}}
.hours{{max-width:34rem}}svg text.count{{font-size:8px;fill:var(--sign);text-anchor:middle}}
@media (max-width:30rem){{body{{padding:.6rem}}.card{{padding:.6rem .7rem}}.chart text{{font-size:17px}}}}
@media print{{:root{{{_variables(LIGHT)}color-scheme:light}}body{{background:#fff;padding:0;font-size:11px}}
 .card,.tile,.box,tr{{break-inside:avoid}}h2{{break-after:avoid}}nav,.skip{{display:none}}details>*{{display:block}}details::details-content{{content-visibility:visible;block-size:auto}}.chart{{max-height:4cm}}}}
"""
