"""What a deploy would change, for the person who reviews it: resources, reasons, what is handed on, how it is shown."""
