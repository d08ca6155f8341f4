"""What every JSON file of the package says about itself, and the forms that several kinds of files share."""
