// The value is a list of what is wrong with the page as it is shown now.
(() => {
  const found = [];
  const name = e => `${e.tagName.toLowerCase()}${e.id && "#" + e.id}${e.className && "." + e.className} ${JSON.stringify(e.innerText?.slice(0, 40) ?? "")}`;
  const hidden = e => e.type === "hidden" || !e.checkVisibility() || e.closest(".skip");
  const all = [...document.body.querySelectorAll("*")].filter(e => !hidden(e));

  // Nobody has to scroll sideways (WCAG 2.2, 1.4.10), but within what is preformatted.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);
  for (const e of all) {
    if (!e.closest("pre") && e.getBoundingClientRect().right > width + 0.5) found.push(`beyond the edge: ${name(e)}`);
  }

  // Text stands out from what is behind it (1.4.3).
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = color => {
    const [r, g, b] = rgba(color).slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "white";
  };
  const contrast = (color, e) => {
    const [dark, light] = [luminance(color), luminance(behind(e))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  for (const e of all) {
    const says = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim()) || e.matches("input");
    if (!says) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    const is = contrast(style.color, e);
    if (is < (large ? 3 : 4.5)) found.push(`contrast ${is.toFixed(2)}: ${name(e)}`);
  }

  // Whatever can be used has a name (4.1.2), a size (2.5.8) and shows its focus (2.4.7),
  // in a line that stands out from what is around it (1.4.11).
  for (const e of all.filter(e => e.matches("a[href], button, input, [tabindex]"))) {
    const called = e.ariaLabel || e.innerText?.trim() || [...e.labels ?? []].map(l => l.innerText.trim()).join("");
    if (!called) found.push(`without a name: ${name(e)}`);
    const box = e.getBoundingClientRect();
    const target = e.labels?.[0]?.getBoundingClientRect() ?? box; // a label can be clicked on, too
    if (e.matches("button, input, nav a, .button") && (Math.max(box.width, target.width) < 24 || Math.max(box.height, target.height) < 24)) {
      found.push(`${Math.round(box.width)}×${Math.round(box.height)} is small: ${name(e)}`);
    }
    e.focus({ preventScroll: true });
    const style = getComputedStyle(e);
    if (document.activeElement !== e || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) found.push(`does not show its focus: ${name(e)}`);
    else if (contrast(style.outlineColor, e.parentElement) < 3) found.push(`hardly shows its focus: ${name(e)}`);
  }
  document.activeElement.blur();

  // Headings say what is on the page, and what they head.
  if (document.querySelectorAll("h1").length !== 1) found.push(`${document.querySelectorAll("h1").length} headings of the first rank`);
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for]")) {
    const id = e.getAttribute("aria-labelledby") ?? e.getAttribute("aria-describedby") ?? e.htmlFor;
    if (!document.getElementById(id)) found.push(`${name(e)} names #${id}, which is not there`);
  }
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push(`#${id} is there twice`);
  return found;
})()
