/** The browser half of `Downloads`: buttons whose files the kernel makes when they are pressed. */

function render({ model, el }) {
  el.classList.add("gb-downloads");
  for (const [name, title] of Object.entries(model.get("offered"))) {
    const button = el.appendChild(document.createElement("button"));
    button.className = "jupyter-button";
    button.textContent = name;
    button.title = title;
    button.onclick = () => {
      button.disabled = true;
      button.textContent = "Making it …";
      model.send({ wanted: name });
    };
  }
  const again = (name) => {
    for (const button of el.querySelectorAll("button")) {
      if (!button.disabled) continue;
      button.disabled = false;
      button.textContent = name;
    }
  };
  model.on("msg:custom", ({ wanted, file, type }, [content]) => {
    again(wanted);
    if (!content) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

export default { render };
