"""The look of the page: its style sheet, and fonts of the visitor's system, so that nothing is fetched."""

from __future__ import annotations

from typing import Any

STYLE = """
:root, .gradio-container {
  --sk-line: #e1e5ea; --sk-ink-2: #4b525d; --sk-card: #ffffff; --sk-band: #f1f3f6;
  --ink: #15181d; --ink-2: #4b525d; --ink-3: #737b87; --grid: #eaedf1; --band: rgba(60,80,120,.065);
  --card: #ffffff; --rule: #e1e5ea;
}
.dark, .dark .gradio-container {
  --sk-line: #343b46; --sk-ink-2: #b3bac4; --sk-card: #20262e; --sk-band: #262d37;
  --ink: #eceff3; --ink-2: #b3bac4; --ink-3: #8a929e; --grid: #303843; --band: rgba(150,180,230,.07);
  --card: #20262e; --rule: #343b46;
  --line-0: #56b4e9; --line-1: #ff8f45; --line-2: #2fc998; --line-3: #e39ac6; --line-4: #d3b54a;
  --line-5: #9bd3f5; --line-6: #f0b93a;
}
.gradio-container { max-width: 1320px !important; margin: 0 auto; }
.gradio-container, .gradio-container .main { width: 100%; }
.sk-title { font-size: 20px; font-weight: 700; }
.sk-note { color: var(--sk-ink-2); font-size: 14px; margin: 4px 0; }
.sk-gallery { display: grid; gap: 6px; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); }
.sk-gallery figure { margin: 0; }
.sk-gallery img { width: 100%; display: block; image-rendering: pixelated; border-radius: 4px; }
.sk-gallery figcaption { font-size: 13px; color: var(--sk-ink-2); text-align: center; padding-top: 2px; }
.sk-large .sk-gallery { grid-template-columns: repeat(auto-fit, minmax(180px, 300px)); gap: 14px; }
.sk-small .sk-gallery { grid-template-columns: repeat(auto-fill, minmax(56px, 1fr)); }
.sk-painted .sk-gallery { grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 8px; }
.sk-whole .sk-gallery { grid-template-columns: minmax(0, 560px); }
.sk-lines { margin: 0; padding-left: 28px; font-size: 15.5px; line-height: 1.9; }
.sk-lines > li { padding: 2px 0 2px 4px; border-bottom: 1px solid var(--sk-line); }
.sk-lines > li:last-child { border-bottom: 0; }
.sk-lines > li::marker { color: var(--sk-ink-2); font-size: 13px; }
.sk-line { white-space: pre-wrap; overflow-wrap: anywhere; }
.sk-plain { line-height: 1.6; white-space: pre-wrap; overflow-wrap: anywhere; }
.sk-score { color: var(--sk-ink-2); font-size: 12.5px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.sk-rare { color: #b24a00; font-weight: 600; } .dark .sk-rare { color: #ff9a57; }
.sk-verdict { font-size: 16px; margin: 4px 0 12px; }
.sk-chances { margin-top: 14px; font-size: 14px; font-variant-numeric: tabular-nums; }
.sk-chances th { text-align: left; color: var(--sk-ink-2); font-weight: 600; }
.sk-chances td, .sk-chances th { padding: 3px 18px 3px 0; border: 0; }
.sk-chances .sk-bar { display: inline-block; width: 140px; margin-right: 8px; vertical-align: middle; }
.sk-token { position: relative; border-radius: 4px; padding: 2px 3px; cursor: default; }
.sk-token:hover, .sk-token:focus { outline: 2px solid var(--ink-3); }
.sk-end { color: var(--ink-3); }
.sk-card { display: none; position: absolute; left: 0; top: calc(100% + 4px); z-index: 50; width: 250px;
  background: var(--sk-card); color: var(--ink); border: 1px solid var(--sk-line); border-radius: 8px;
  padding: 8px 10px; font-size: 13px; line-height: 1.5; box-shadow: 0 6px 24px rgba(0,0,0,.18);
  white-space: normal; }
.sk-token:hover > .sk-card, .sk-token:focus > .sk-card { display: block; }
.sk-card b { display: block; font-variant-numeric: tabular-nums; margin-bottom: 4px; }
.sk-alternative { display: grid; grid-template-columns: 1fr 70px 52px; gap: 8px; align-items: center; }
.sk-alternative > span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sk-alternative > span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.sk-bar { background: var(--sk-band); border-radius: 3px; height: 8px; overflow: hidden; }
.sk-bar i { display: block; height: 100%; background: #0072b2; }
.sk-legend { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; color: var(--sk-ink-2);
  font-size: 13px; margin: 2px 0 8px; }
.sk-legend i { width: 120px; height: 10px; border-radius: 5px; border: 1px solid var(--sk-line); }
.sk-legend span:last-child { padding-left: 10px; }
.sk-head { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; font-size: 17px; }
.sk-pill { border-radius: 99px; padding: 1px 12px; font-size: 13px; font-weight: 600; }
.sk-done { color: #0a7a43; background: #e4f5ec; } .sk-open { color: #0b5cad; background: #e3effb; }
.sk-stopped { color: #8a4b00; background: #fdf1dd; }
.sk-facts { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 10px 0; }
.sk-facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.sk-facts dt { color: var(--sk-ink-2); font-size: 12.5px; }
.sk-alarms { border-left: 4px solid #d55e00; padding: 4px 12px; margin: 10px 0; font-size: 14px; }
.sk-alarms ul { margin: 2px 0; padding-left: 18px; }
.sk-section { margin: 8px 0; } .sk-section summary { font-weight: 600; cursor: pointer; padding: 6px 0; }
.sk-charts { display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
.sk-charts figure { margin: 0; } .sk-charts figcaption { font-size: 14px; font-weight: 600; }
.sk-charts figcaption::first-letter { text-transform: uppercase; }
svg.chart { display: block; width: 100%; height: auto; overflow: visible;
  font-variant-numeric: tabular-nums; }
.readout > g { visibility: hidden; } .readout:hover > g { visibility: visible; }
.readout path { stroke: var(--ink-3); stroke-width: 1; } .readout g { pointer-events: none; }
.readout .box { fill: var(--card); stroke: var(--rule); opacity: .94; } .readout text { fill: var(--ink); }
.sk-round { font-weight: 600; margin: 0 0 6px; }
.sk-sheet { max-width: min(100%, 640px); min-width: min(100%, 320px);
  image-rendering: pixelated; border-radius: 6px; }
"""
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> Any:
    """Return Gradio's plain theme with the fonts of the visitor's system."""
    import gradio as gr

    return gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=_SANS, font_mono=_MONO)
